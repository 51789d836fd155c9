import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { seededRandom } from '../../common/random.ts'
import type { Exchange } from './exchange.ts'
import type { Member } from './member.ts'
import type { Membership } from './membership.ts'
import { Prober } from './prober.ts'

const { signal } = new AbortController()

/** A member that fails to answer with `code`, but has asked this one meanwhile. */
function world(code: 'BUSY' | 'DIAL_FAILED') {
  let heardMs = 0
  const record = { peerId: 'other', host: 'other', port: 9, generation: 1, version: 1 }
  const memberNow = (): Member => ({ record, state: 'live', heardMs }) as Member
  const member = memberNow()
  const story: string[] = []
  const membership = {
    table: { get: () => memberNow() },
    met: [],
    suspect: () => story.push('suspect'),
    heard: () => story.push('heard'),
    onAnswer: () => story.push('met'),
  } as unknown as Membership
  const exchange = {
    gossip: async () => {
      heardMs += 1
      throw code === 'BUSY' ? new AppError('BUSY') : new AppError(code, { address: '', reason: '' })
    },
  } as unknown as Exchange
  const settings = { gossipMs: 1_000, indirectProbes: 3 }
  const random = seededRandom('prober')
  return { member, story, prober: new Prober(settings, { membership, exchange, random }) }
}

test('a member that only asks is not reached, nor suspect', async () => {
  const { prober, member, story } = world('DIAL_FAILED')
  expect(await prober.reaches(member, signal)).toBe(false)
  await prober.probe('other', signal)
  expect(story).toEqual([])
})

test('a member that is busy is reached', async () => {
  const { prober, member } = world('BUSY')
  expect(await prober.reaches(member, signal)).toBe(true)
})
