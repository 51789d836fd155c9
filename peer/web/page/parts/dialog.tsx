import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Icon } from './icon.tsx'

interface DialogProps {
  readonly kind: 'box' | 'drawer'
  readonly title: ComponentChildren
  readonly onClose: () => void
  readonly children: ComponentChildren
  readonly foot?: ComponentChildren
}

/**
 * A modal dialog, or a drawer at the side. The element `dialog` keeps the focus inside, closes on
 * Escape, and returns the focus; also when it is removed while it is open, such as by the way back.
 */
export function Dialog({ kind, title, onClose, children, foot }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  const isPressedOutside = useRef(false)
  const close = useRef(onClose)
  close.current = onClose
  useEffect(() => {
    const dialog = element.current
    const onClosed = (): void => close.current()
    dialog?.showModal()
    dialog?.addEventListener('close', onClosed)
    return () => {
      // No user closed it: it returns the focus, and that is all.
      dialog?.removeEventListener('close', onClosed)
      dialog?.close()
    }
  }, [])
  return (
    // A click on the backdrop has the dialog itself as its target; one that began inside selects text.
    <dialog
      ref={element}
      class={kind}
      aria-labelledby={titleId}
      onPointerDown={({ target, currentTarget }) => {
        isPressedOutside.current = target === currentTarget
      }}
      onClick={({ target, currentTarget }) => {
        if (target === currentTarget && isPressedOutside.current) currentTarget.close()
      }}
    >
      <div class="dialog-inside">
        <header class="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <button
            type="button"
            class="button quiet square"
            onClick={() => element.current?.close()}
            aria-label="Close"
          >
            <Icon name="close" />
          </button>
        </header>
        <div class="dialog-body">{children}</div>
        {foot !== undefined && <footer class="dialog-foot">{foot}</footer>}
      </div>
    </dialog>
  )
}

interface ConfirmProps {
  readonly title: string
  readonly children: ComponentChildren
  /** On the button that does it. */
  readonly verb: string
  readonly isDanger?: boolean
  readonly onConfirm: () => void
  readonly onClose: () => void
}

/** Asks before something that cannot be undone. */
export function Confirm(props: ConfirmProps): JSX.Element {
  const { title, children, verb, isDanger = false, onConfirm, onClose } = props
  const foot = (
    <>
      <button type="button" class="button" onClick={onClose}>
        Cancel
      </button>
      <button
        type="button"
        class={isDanger ? 'button danger' : 'button primary'}
        onClick={() => {
          onConfirm()
          onClose()
        }}
      >
        {verb}
      </button>
    </>
  )
  return (
    <Dialog kind="box" title={title} onClose={onClose} foot={foot}>
      {children}
    </Dialog>
  )
}
