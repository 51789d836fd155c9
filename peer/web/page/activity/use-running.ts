import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { usePage } from '../shell/page-context.ts'
import type { Transfer } from './activity-types.ts'

/** The transfers of this peer now; undefined until known. */
export function useRunning(): readonly Transfer[] | undefined {
  const { client, live } = usePage()
  const running = useSignal<readonly Transfer[] | undefined>(undefined)
  const { state } = live.connection.value
  useEffect(() => {
    const leaving = new AbortController()
    client.call('transfers', undefined, leaving.signal).then(
      (transfers) => {
        running.value = transfers
      },
      // What is out of date is said above all views.
      () => {},
    )
    return () => leaving.abort()
  }, [client, state, running])
  useEffect(
    () =>
      live.on('transfers', (data) => {
        running.value = data as Transfer[]
      }),
    [live, running],
  )
  return running.value
}
