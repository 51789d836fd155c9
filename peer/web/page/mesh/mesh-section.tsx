import type { ComponentChildren, JSX } from 'preact'
import { useId } from 'preact/hooks'

export interface MeshColumn {
  readonly label: string
  /** Whether a phone leaves it out; its cells have the class `secondary`. */
  readonly isSecondary?: boolean
}

interface MeshSectionProps {
  readonly title: string
  readonly columns: readonly MeshColumn[]
  /** Rows of a table, or what is shown instead of it. */
  readonly children: ComponentChildren
  readonly isEmpty: boolean
  /** Where the rest is. */
  readonly more: { readonly href: string; readonly label: string }
}

/** A table of the newest or first rows, under its title. */
export function MeshSection(props: MeshSectionProps): JSX.Element {
  const { title, columns, children, isEmpty, more } = props
  const id = useId()
  return (
    <section class="stack mesh-section" aria-labelledby={id}>
      <div class="toolbar">
        <h2 id={id}>{title}</h2>
        <a href={more.href}>{more.label}</a>
      </div>
      <div class="card mesh-card">
        {isEmpty ? (
          children
        ) : (
          <table class="table" aria-labelledby={id}>
            <thead>
              <tr>
                {columns.map(({ label, isSecondary }) => (
                  <th key={label} scope="col" class={isSecondary === true ? 'secondary' : ''}>
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        )}
      </div>
    </section>
  )
}
