import { expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import type { NewEvent } from './events/event.ts'
import { securityEvents } from './security-events.ts'

test('a stranger that tries one id after the other is one event a minute, and all its attempts are counted', async () => {
  const clock = new FakeClock()
  const events: NewEvent[] = []
  const codes: Record<string, number> = {}
  const onRefused = (code: string): unknown => (codes[code] = (codes[code] ?? 0) + 1)
  const record = (event: NewEvent): unknown => events.push(event)
  const security = securityEvents({ record }, { onRefused }, { clock })
  const attempt = (number: number, code: string): void => {
    const reason = 'the token is not one of this cluster'
    security.onNews({
      kind: 'join-refused',
      id: `made-up-${number}`,
      host: '192.0.2.1',
      reason,
      code,
    })
  }
  for (let number = 0; number < 1_000; number++)
    attempt(number, number < 10 ? 'JOIN_REFUSED' : 'TOO_MANY_ATTEMPTS')
  // No id of a peer: the stranger has chosen it.
  const expected = {
    kind: 'join-refused',
    reason: 'from 192.0.2.1: as made-up-0: the token is not one of this cluster',
  }
  expect(events).toEqual([expected])
  expect(codes).toEqual({ JOIN_REFUSED: 10, TOO_MANY_ATTEMPTS: 990 })
  await clock.advance(60_000)
  attempt(1, 'TOO_MANY_ATTEMPTS')
  expect(events).toHaveLength(1)
  attempt(2, 'MEMBER_EXISTS')
  expect(events).toHaveLength(2)
})

test('of refused connections one of a kind is recorded per host and minute', () => {
  const events: NewEvent[] = []
  const record = (event: NewEvent): unknown => events.push(event)
  const metrics = { onRefused: () => {} }
  const security = securityEvents({ record }, metrics, { clock: new FakeClock() })
  for (let port = 1; port < 100; port++)
    security.onRefused({ host: '192.0.2.1', port }, new AppError('CERTIFICATE_REQUIRED'))
  expect(events).toMatchObject([{ kind: 'access-refused' }])
})

test('what happens to a token is recorded with who had it done and what it lets in, without its secret', () => {
  const events: NewEvent[] = []
  const record = (event: NewEvent): unknown => events.push(event)
  const metrics = { onRefused: () => {} }
  const security = securityEvents({ record }, metrics, { clock: new FakeClock() })
  const times = { createdMs: 0, expiresMs: 86_400_000 }
  const token = { tokenId: '00112233', role: 'peer', ...times, createdBy: 'peer1' } as const
  const made = { ...token, usesMax: 1 }
  security.onNews({ kind: 'token-created', token: made, by: 'peer1' })
  security.onNews({
    kind: 'token-revoked',
    token: { ...token, usesMax: undefined },
    by: undefined,
  })
  expect(events).toEqual([
    {
      kind: 'token-created',
      peerId: 'peer1',
      reason: '00112233, role peer, 1 use, until 1970-01-02T00:00Z',
    },
    {
      kind: 'token-revoked',
      peerId: undefined,
      reason: '00112233, role peer, until 1970-01-02T00:00Z',
    },
  ])
})
