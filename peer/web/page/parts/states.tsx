import type { ComponentChildren, JSX } from 'preact'
import { Icon, type IconName } from './icon.tsx'

interface StateProps {
  readonly icon: IconName
  readonly title: string
  readonly children?: ComponentChildren
  readonly actions?: ComponentChildren
}

/** Says why there is nothing to see, and what to do. */
export function EmptyState({ icon, title, children, actions }: StateProps): JSX.Element {
  return (
    <div class="state">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div class="actions">{actions}</div>}
    </div>
  )
}

export function ErrorState({
  sentence,
  onRetry,
}: {
  readonly sentence: string
  readonly onRetry?: (() => void) | undefined
}): JSX.Element {
  return (
    <div class="state bad" role="alert">
      <Icon name="warning" />
      <h2>This could not be loaded</h2>
      <p>{sentence}</p>
      {onRetry !== undefined && (
        <div class="actions">
          <button type="button" class="button" onClick={onRetry}>
            <Icon name="retry" small />
            Try again
          </button>
        </div>
      )}
    </div>
  )
}

/** Lines where text will be. */
export function LoadingState({ lines = 6 }: { readonly lines?: number }): JSX.Element {
  return (
    <div class="loading" role="status">
      <span class="hidden-text">Loading</span>
      {Array.from({ length: lines }, (_, index) => (
        <div
          key={index}
          class="skeleton"
          style={{ height: '18px', width: `${92 - ((index * 23) % 45)}%` }}
        />
      ))}
    </div>
  )
}

/** A message that belongs to a place in the page. */
export function Notice({
  tone = 'info',
  children,
  action,
}: {
  readonly tone?: 'info' | 'warn' | 'bad'
  readonly children: ComponentChildren
  readonly action?: ComponentChildren
}): JSX.Element {
  return (
    <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={tone === 'info' ? 'info' : 'warning'} />
      <div>{children}</div>
      {action}
    </div>
  )
}
