import type { BackgroundWork } from '../../common/background.ts'
import { limits } from '../../common/limits.ts'
import { isPresent } from './member.ts'
import type { Membership } from './membership.ts'
import type { Prober } from './prober.ts'

/** Members that are asked for the first time, at the same time: a thousand take a few seconds. */
const meetingsMax = 12

interface Dependencies {
  readonly membership: Pick<Membership, 'table'>
  readonly prober: Pick<Prober, 'reaches'>
  readonly work: Pick<BackgroundWork, 'start'>
}

/**
 * Talks to each member of which this peer has only heard, soon and once: what it has counts when it has
 * answered at its address. Those that did not answer are tried with the probes of each round.
 */
export class FirstMeetings {
  readonly #dependencies: Dependencies
  /** The newest last. */
  #waiting: string[] = []
  #running = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** There is a new member, or one that has moved. */
  add(peerId: string): void {
    this.#waiting.push(peerId)
    if (this.#waiting.length > limits.meshMembersMax)
      this.#waiting = this.#waiting.slice(-limits.meshMembersMax / 2)
    this.#startNext()
  }

  #startNext(): void {
    const { membership, prober, work } = this.#dependencies
    while (this.#running < meetingsMax) {
      // The newest first: it does not wait for a made-up crowd.
      const peerId = this.#waiting.pop()
      if (peerId === undefined) return
      const member = membership.table.get(peerId)
      if (member === undefined || member.isMet || !isPresent(member)) continue
      this.#running += 1
      work.start('meeting a member', async (signal) => {
        try {
          await prober.reaches(member, signal)
        } finally {
          this.#running -= 1
          this.#startNext()
        }
      })
    }
  }
}
