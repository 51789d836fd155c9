import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../parts/icon.tsx'
import { usePage } from './page-context.ts'

/** A popover, so that it is above open dialogs. */
export function ToastList(): JSX.Element {
  const { toasts } = usePage()
  const list = toasts.list.value
  const element = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // Shown again for each toast: the last one shown is on top.
    if (element.current?.matches(':popover-open') === true) element.current.hidePopover()
    if (list.length > 0) element.current?.showPopover()
  }, [list])
  return (
    <div ref={element} class="toasts" popover="manual" aria-live="polite" role="log">
      {list.map(({ id, tone, text }) => (
        <div key={id} class={`toast ${tone}`}>
          <Icon name={tone === 'ok' ? 'check' : 'warning'} />
          <p>{text}</p>
          <button
            type="button"
            class="copy"
            onClick={() => toasts.close(id)}
            aria-label="Close this message"
          >
            <Icon name="close" small />
          </button>
        </div>
      ))}
    </div>
  )
}
