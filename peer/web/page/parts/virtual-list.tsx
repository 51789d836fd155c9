import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX, TargetedKeyboardEvent } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks'
import { hasModifier } from './has-modifier.ts'
import { movedTo, rowAfterKey, scrollTopFor, virtualWindow } from './virtual-window.ts'

export interface Column {
  readonly label: string
  /** Numbers are aligned at their end. */
  readonly isNumber?: boolean
  /** Whether only screen readers read the label. */
  readonly hidesLabel?: boolean
  /** The class of its cells, which may hide it on a phone. */
  readonly name: string
}

/** With fewer rows below the visible ones, the next page is asked for. */
const rowsLeftMin = 20

interface VirtualListProps<Row> {
  /** What the list contains, for screen readers. */
  readonly label: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** The cells of a row, one per column, in order. */
  readonly cells: (row: Row) => readonly ComponentChildren[]
  readonly onOpen?: (row: Row) => void
  /** Called when the end is near; the next page may be loaded. */
  readonly onNearEnd?: () => void
  /** A class with `grid-template-columns` for the rows. */
  readonly layout: string
  /** The row that is open elsewhere, if any. */
  readonly openKey?: string | undefined
}

/** A table of any length: only the visible rows exist. Arrow keys move, Enter opens. */
export function VirtualList<Row>(props: VirtualListProps<Row>): JSX.Element {
  const { label, columns, rows, keyOf, cells, onOpen, onNearEnd, layout, openKey } = props
  const id = useId()
  const view = useRef<HTMLDivElement>(null)
  const scrollTop = useSignal(0)
  const size = useSignal({ viewHeight: 600, rowHeight: 38 })
  const active = useSignal(-1)
  useSize(view, size)
  usePlace(view, { rows, keyOf, active, rowHeight: size.value.rowHeight })
  const place = { scrollTop: scrollTop.value, ...size.value }
  const { from, to } = virtualWindow({ ...place, count: rows.length })
  useEffect(() => {
    if (to >= rows.length - rowsLeftMin) onNearEnd?.()
  }, [to, rows.length, onNearEnd])
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const { target, currentTarget, key } = event
    if (target !== currentTarget || hasModifier(event)) return
    const row = rows[active.value]
    if (key === 'Enter' && row !== undefined) onOpen?.(row)
    const rowsPerPage = Math.floor(place.viewHeight / place.rowHeight) - 1
    const next = rowAfterKey(key, active.value, { count: rows.length, rowsPerPage })
    if (next === undefined) return
    event.preventDefault()
    active.value = next
    currentTarget.scrollTop = scrollTopFor(next, place)
  }
  const rowId = (index: number): string => `${id}-${index}`
  const isShown = active.value >= from && active.value < to
  const current = isShown ? { 'aria-activedescendant': rowId(active.value) } : {}
  return (
    <div class={`list card ${layout}`}>
      <div
        ref={view}
        class="list-view"
        role="grid"
        tabIndex={0}
        aria-label={label}
        aria-rowcount={rows.length + 1}
        {...current}
        onKeyDown={onKeyDown}
        onFocus={() => {
          if (active.value < 0) active.value = 0
        }}
        onScroll={({ currentTarget }) => {
          scrollTop.value = currentTarget.scrollTop
        }}
      >
        <ListHead columns={columns} />
        <div
          class="list-space"
          role="rowgroup"
          style={{ height: `${rows.length * place.rowHeight}px` }}
        >
          {rows.slice(from, to).map((row, offset) => {
            const index = from + offset
            const onClick = (): void => {
              active.value = index
              onOpen?.(row)
            }
            const isActive = index === active.value
            const at = { id: rowId(index), index, top: index * place.rowHeight, isActive, onClick }
            const key = keyOf(row)
            const content = { columns, cells: cells(row), isOpen: key === openKey }
            return <ListRow key={key} {...at} {...content} />
          })}
        </div>
      </div>
    </div>
  )
}

function ListHead({ columns }: { readonly columns: readonly Column[] }): JSX.Element {
  return (
    <div class="list-head" role="row" aria-rowindex={1}>
      {columns.map((column) => (
        <span key={column.name} role="columnheader" class={classOf(column)}>
          {column.hidesLabel ? <span class="hidden-text">{column.label}</span> : column.label}
        </span>
      ))}
    </div>
  )
}

interface ListRowProps {
  readonly id: string
  readonly index: number
  /** In pixels, from the top of the list. */
  readonly top: number
  readonly columns: readonly Column[]
  readonly cells: readonly ComponentChildren[]
  readonly isActive: boolean
  readonly isOpen: boolean
  readonly onClick: () => void
}

/** Its keys are those of the list, which has the focus. */
function ListRow(props: ListRowProps): JSX.Element {
  const { id, index, top, columns, cells, isActive, isOpen, onClick } = props
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isOpen}
      class={`list-row${isActive ? ' active' : ''}${isOpen ? ' open' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onClick}
    >
      {columns.map((column, at) => (
        <span key={column.name} role="gridcell" class={classOf(column)}>
          {cells[at]}
        </span>
      ))}
    </div>
  )
}

function classOf({ name, isNumber = false }: Column): string {
  return isNumber ? `${name} number` : name
}

interface Place<Row> {
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  readonly active: { value: number }
  readonly rowHeight: number
}

/** Keeps rows where they are for someone who reads further down, while others appear above them. */
function usePlace<Row>(
  view: { readonly current: HTMLElement | null },
  { rows, keyOf, active, rowHeight }: Place<Row>,
): void {
  const shown = useRef(rows)
  useLayoutEffect(() => {
    const before = shown.current
    shown.current = rows
    const element = view.current
    if (before === rows || element === null) return
    active.value = movedTo(active.value, before, rows, keyOf) ?? active.value
    // At the top, it is the newest that is read.
    if (element.scrollTop === 0) return
    const first = Math.floor(element.scrollTop / rowHeight)
    const moved = movedTo(first, before, rows, keyOf)
    if (moved !== undefined) element.scrollTop += (moved - first) * rowHeight
  })
}

/** Follows the height of the view, and that of a row, which differs on a phone. */
function useSize(
  view: { readonly current: HTMLElement | null },
  size: { value: { viewHeight: number; rowHeight: number } },
): void {
  useLayoutEffect(() => {
    const element = view.current
    if (element === null) return
    const measure = (): void => {
      const rowHeight = Number.parseFloat(getComputedStyle(element).getPropertyValue('--row-px'))
      // The head stays at the top, above the rows.
      const headHeight = element.querySelector<HTMLElement>('.list-head')?.offsetHeight ?? 0
      const viewHeight = element.clientHeight - headHeight
      size.value = { viewHeight, rowHeight: rowHeight || 38 }
    }
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    measure()
    return () => observer.disconnect()
  }, [view, size])
}
