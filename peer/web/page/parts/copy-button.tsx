import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { usePage } from '../shell/page-context.ts'
import { Icon } from './icon.tsx'

const confirmedMs = 1_500

/** Copies `text`; `what` names it for screen readers and in the message. */
export function CopyButton({
  text,
  what,
}: {
  readonly text: string
  readonly what: string
}): JSX.Element {
  const { clock, toasts } = usePage()
  const isDone = useSignal(false)
  const copy = (event: Event): void => {
    event.stopPropagation()
    writeClipboard(text).then(
      () => {
        isDone.value = true
        clock.after(confirmedMs, () => {
          isDone.value = false
        })
      },
      () => toasts.fail(`The browser does not allow copying. Copy this manually: ${text}`),
    )
  }
  return (
    <button
      type="button"
      class={isDone.value ? 'copy done' : 'copy'}
      onClick={copy}
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
    >
      <Icon name={isDone.value ? 'check' : 'copy'} small />
      <span class="hidden-text" aria-live="polite">
        {isDone.value ? 'Copied' : ''}
      </span>
    </button>
  )
}

/** Over plain HTTP from another machine there is no Clipboard API: a selection is copied instead. */
async function writeClipboard(text: string): Promise<void> {
  if (window.isSecureContext) return await navigator.clipboard.writeText(text)
  const field = document.createElement('textarea')
  field.value = text
  field.readOnly = true
  field.className = 'hidden-text'
  const host = document.querySelector('dialog[open]') ?? document.body
  const focused = document.activeElement
  host.append(field)
  field.select()
  // oxlint-disable-next-line typescript/no-deprecated -- the only way without a secure context
  const isCopied = document.execCommand('copy')
  field.remove()
  if (focused instanceof HTMLElement) focused.focus()
  if (!isCopied) throw new Error('not allowed')
}
