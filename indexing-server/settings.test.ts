import { expect, test } from 'vitest'
import { hasCode } from '../common/errors.ts'
import { loadSettings } from '../common/settings.ts'
import { indexSettings } from './settings.ts'

test('flags and environment set what they name', () => {
  const { values } = loadSettings(indexSettings, {
    environment: { TANDEM_INDEX_DEAD_AFTER_MS: '5000', TANDEM_INDEX_PORT: '1' },
    flags: { port: '7010', httpPort: '0', data: 'd', replicationFactor: '3' },
  })
  expect(values).toMatchObject({
    host: '127.0.0.1',
    port: 7_010,
    httpPort: 0,
    data: 'd',
    replicationFactor: 3,
    deadAfterMs: 5_000,
  })
})

test('a factor of 0 is refused', () => {
  const load = (): unknown =>
    loadSettings(indexSettings, { environment: {}, flags: { replicationFactor: '0' } })
  expect(load).toThrow(expect.toSatisfy((error) => hasCode(error, 'SETTING_INVALID')))
})
