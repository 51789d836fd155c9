import { expect, test } from 'vitest'
import { hasCode } from '../common/errors.ts'
import { loadIndexSettings } from './settings.ts'

test('flags and environment set what they name', () => {
  const { values } = loadIndexSettings({
    environment: { TANDEM_INDEX_DEAD_AFTER_MS: '25000', TANDEM_INDEX_PORT: '1' },
    flags: { port: '7010', httpPort: '0', data: 'd', replicationFactor: '3' },
  })
  expect(values).toMatchObject({
    host: '127.0.0.1',
    port: 7_010,
    httpPort: 0,
    data: 'd',
    replicationFactor: 3,
    deadAfterMs: 25_000,
  })
})

test('a factor of 0 is refused', () => {
  const load = (): unknown =>
    loadIndexSettings({ environment: {}, flags: { replicationFactor: '0' } })
  expect(load).toThrow(expect.toSatisfy((error) => hasCode(error, 'SETTING_INVALID')))
})

test('a peer cannot be dead before it missed two heartbeats', () => {
  const load = (): unknown => loadIndexSettings({ environment: {}, flags: { deadAfterMs: '5000' } })
  expect(load).toThrow('index.deadAfterMs must be more than two heartbeats, which are 20000 ms')
})
