import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../parts/icon.tsx'
import { usePage } from '../shell/page-context.ts'

/** Short enough to feel immediate, long enough to skip the middle of a word. */
const settleMs = 120

interface SearchFieldProps {
  readonly value: string
  readonly label: string
  readonly onChange: (text: string) => void
}

/** Reports what is typed once it settles; Escape clears it. */
export function SearchField({ value, label, onChange }: SearchFieldProps): JSX.Element {
  const { clock } = usePage()
  const input = useRef<HTMLInputElement>(null)
  const cancel = useRef<() => void>(undefined)
  const latest = useRef(onChange)
  latest.current = onChange
  const reported = useRef(value)
  // A link or the way back changes the text; what was reported comes back, and may be behind what is typed.
  useEffect(() => {
    if (input.current === null || value === reported.current) return
    reported.current = value
    input.current.value = value
  }, [value])
  useEffect(() => () => cancel.current?.(), [])
  const report = (delayMs: number): void => {
    cancel.current?.()
    cancel.current = clock.after(delayMs, () => {
      reported.current = input.current?.value.trim() ?? ''
      latest.current(reported.current)
    })
  }
  return (
    <div class="search">
      <Icon name="search" small />
      <input
        ref={input}
        class="input"
        type="search"
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        maxLength={1024}
        defaultValue={value}
        onInput={() => report(settleMs)}
        onKeyDown={(event) => {
          const { key, currentTarget } = event
          if (key === 'Escape') currentTarget.value = ''
          if (key === 'Escape' || key === 'Enter') report(0)
          if (key !== 'ArrowDown') return
          // Otherwise the browser scrolls what has the focus afterwards: the list.
          event.preventDefault()
          document.querySelector<HTMLElement>('.list-view')?.focus()
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  )
}
