import pino from 'pino'
import { expect, test } from 'vitest'
import { hasCode } from './errors.ts'
import { checkExposure, type Exposure } from './exposure.ts'

/** Checks a process that listens on these hosts. @returns the result, and what was logged */
function check(hosts: readonly string[], given: Partial<Exposure> = {}) {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  const listening = hosts.map((host, index) => ({
    host,
    flag: index === 0 ? ('--host' as const) : ('--http-host' as const),
  }))
  const exposure = { listening, hasIdentity: false, isAccepted: false, remedy: 'Do this', ...given }
  return { isInsecure: checkExposure(exposure, { log }), lines }
}

test.each([
  ['127.0.0.1', '::1'],
  ['localhost', '127.0.0.2'],
])('a process on loopback needs no identity: %s, %s', (...hosts) => {
  expect(check(hosts)).toEqual({ isInsecure: false, lines: [] })
})

test.each([
  [['0.0.0.0', '127.0.0.1'], 'would listen on 0.0.0.0 (--host)'],
  [['127.0.0.1', '::'], 'would listen on :: (--http-host)'],
  [['127.0.0.1', '192.0.2.7'], 'would listen on 192.0.2.7 (--http-host)'],
  [['files.example', '0.0.0.0'], 'would listen on files.example (--host)'],
])('one that others reach does not start without: %j', (hosts, sentence) => {
  expect(() => check(hosts)).toThrow(
    expect.toSatisfy((error) => hasCode(error, 'EXPOSED') && error.message.includes(sentence)),
  )
  expect(() => check(hosts)).toThrow('Do this, or accept this with --insecure.')
})

test('with an identity it does', () => {
  expect(check(['0.0.0.0'], { hasIdentity: true, isAccepted: true })).toEqual({
    isInsecure: false,
    lines: [],
  })
})

test('one that is insecure on purpose says so in the log', () => {
  const { isInsecure, lines } = check(['0.0.0.0', '::'], { isAccepted: true })
  expect(isInsecure).toBe(true)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/"level":40,.*"host":"0\.0\.0\.0".*"insecure: other machines reach/)
})
