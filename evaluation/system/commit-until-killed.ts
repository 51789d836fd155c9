/**
 * A process that writes into the index's database as fast as it can, until it is killed:
 *
 *   node commit-until-killed.ts DATABASE ROUND
 *
 * It prints what is acknowledged: `decided NAME` and `seen LASTSEQ`.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../common/clock.ts'
import { systemRandom } from '../../common/random.ts'
import { aContent } from '../../common/testing/contents.ts'
import { SqliteStore } from '../../indexing-server/store/sqlite-store.ts'
import { keepAlive } from '../../scripts/keep-alive.ts'

const [, , path = '', round = ''] = process.argv
const epoch = round.padStart(16, '0')
const stdout = 1
const filesPerAnnouncement = 20

using _alive = keepAlive()
const store = new SqliteStore(
  { path, commitDelayMs: 1 },
  { clock: systemClock, random: systemRandom },
)
await store.register({
  peerId: 'peer1',
  host: '127.0.0.1',
  port: 1,
  zone: undefined,
  freeBytes: 1,
  epoch,
  heardMs: systemClock.nowMs(),
})

function say(line: string): void {
  writeSync(stdout, `${line}\n`)
}

/** Announces files, the first of them as a full inventory, in one announcement after the other. */
async function announce(): Promise<never> {
  for (let previousSeq = 0; ; previousSeq += filesPerAnnouncement) {
    const lastSeq = previousSeq + filesPerAnnouncement
    const changes = Array.from({ length: filesPerAnnouncement }, (_, at) => ({
      op: 'put' as const,
      seq: previousSeq + at + 1,
      kind: 'shared' as const,
      name: `${round}/${previousSeq + at}`,
      ...aContent(previousSeq + at).content,
      modifiedMs: 1,
    }))
    const isFirst = previousSeq === 0
    const inventory = { begin: isFirst, end: isFirst }
    await store.announce({ peerId: 'peer1', epoch, ...inventory, previousSeq, lastSeq, changes })
    say(`seen ${lastSeq}`)
  }
}

async function decide(): Promise<never> {
  for (let number = 0; ; number += 1) {
    const name = `round-${round}-${number}`
    await store.unshare({ owner: 'peer2', name })
    say(`decided ${name}`)
  }
}

await Promise.all([announce(), decide()])
