import { expect, test } from 'vitest'
import { hasCode } from '../common/errors.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { startHealthServer } from './health-server.ts'

const metrics = { contentType: 'text/plain', text: async () => 'tandem_index_peers 1\n' }

test('health and metrics are served, everything else is refused', async () => {
  let isHealthy = true
  const check = async (): Promise<void> => {
    if (!isHealthy) throw new Error('the disk is gone')
  }
  const address = { host: '127.0.0.1', port: 0 }
  await using server = await startHealthServer(address, { check, metrics, log: silentLog })
  const base = `http://127.0.0.1:${server.address.port}`
  const status = async (path: string, method = 'GET'): Promise<number> =>
    (await fetch(base + path, { method })).status
  expect(await status('/healthz')).toBe(200)
  expect(await status('/healthz', 'HEAD')).toBe(200)
  expect(await (await fetch(`${base}/metrics`)).text()).toBe('tandem_index_peers 1\n')
  expect(await status('/')).toBe(404)
  expect(await status('/healthz', 'POST')).toBe(405)
  isHealthy = false
  expect(await status('/healthz')).toBe(503)

  const again = startHealthServer(server.address, { check, metrics, log: silentLog })
  const error: unknown = await again.catch((caught: unknown) => caught)
  expect(hasCode(error, 'ADDRESS_IN_USE') && error.details['flag']).toBe('--http-port')
})
