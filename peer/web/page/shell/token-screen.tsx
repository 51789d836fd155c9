import { useSignal } from '@preact/signals'
import type { JSX, TargetedSubmitEvent } from 'preact'
import { sentenceOf } from '../api/problem.ts'
import { Notice } from '../parts/states.tsx'
import { usePage } from './page-context.ts'
import { BrandMark } from './sidebar.tsx'

/** Asks once for the peer's token; a cookie keeps it afterwards. */
export function TokenScreen(): JSX.Element {
  const { client, needsToken, live } = usePage()
  const failure = useSignal('')
  const isBusy = useSignal(false)
  const enter = async (token: string): Promise<void> => {
    isBusy.value = true
    try {
      await client.openSession(token)
      needsToken.value = false
      live.retry()
    } catch (error) {
      failure.value = sentenceOf(error)
    }
    isBusy.value = false
  }
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const token = new FormData(event.currentTarget).get('token')
    enter(typeof token === 'string' ? token.trim() : '').catch(() => {})
  }
  return (
    <main class="token-screen">
      <form class="card" onSubmit={onSubmit}>
        <BrandMark />
        <h1>This peer requires its token</h1>
        <p class="soft">
          On the machine of the peer, <code>tandem token</code> prints it. This browser asks only
          once.
        </p>
        <label>
          <span>Token</span>
          <input
            class="input mono"
            name="token"
            type="password"
            autocomplete="current-password"
            required
            autofocus
          />
        </label>
        {failure.value !== '' && <Notice tone="bad">{failure.value}</Notice>}
        <button type="submit" class="button primary" disabled={isBusy.value}>
          {isBusy.value ? 'Checking …' : 'Continue'}
        </button>
      </form>
    </main>
  )
}
