import { join } from 'node:path'
import Type from 'typebox'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { JsonFile } from '../../common/json-file.ts'
import type { Log } from '../../common/log.ts'
import { type Address, formatAddress } from '../../common/protocol/transport.ts'
import type { Member } from './member.ts'

/** As many as a joining member tries. */
const membersMax = 64
/** Members come and go; the file is written when they have. A peer that stops soon remembers those it met. */
const lookFirstMs = 2_000
const lookEveryMs = 10_000

const Remembered = Type.Object({
  members: Type.Array(
    Type.Object({
      host: Type.String({ maxLength: 255 }),
      port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    }),
    { maxItems: membersMax },
  ),
})

/** Where members were in an earlier run: a peer finds its mesh again though no well-known peer is there. */
export class RememberedMembers {
  readonly #file: JsonFile<typeof Remembered>
  readonly #clock: Clock
  readonly #log: Log

  /** @param folder for its file, `members.json`; none: they are remembered nowhere */
  constructor(folder: string | undefined, { clock, log }: { clock: Clock; log: Log }) {
    const path = folder && join(folder, 'members.json')
    this.#file = new JsonFile({ path, schema: Remembered }, { log })
    this.#clock = clock
    this.#log = log
  }

  async read(): Promise<readonly Address[]> {
    return (await this.#file.read())?.members ?? []
  }

  /**
   * Remembers live members that have answered until the signal is aborted, and as many of before as there
   * is room for: they may be on the other side of a partition.
   * @param before as read
   */
  async follow(
    members: () => readonly Member[],
    before: readonly Address[],
    signal: AbortSignal,
  ): Promise<void> {
    let written = ''
    let known: readonly Address[] = before
    for (let delayMs = lookFirstMs; ; delayMs = lookEveryMs) {
      await this.#clock.sleep(delayMs, signal)
      const live = members()
        .filter(({ state, isMet }) => state === 'live' && isMet)
        .map(({ record: { host, port } }) => ({ host, port }))
      const unique = new Map([...live, ...known].map((one) => [formatAddress(one), one]))
      const addresses = [...unique.values()].slice(0, membersMax)
      const text = JSON.stringify(addresses)
      if (text === written) continue
      known = addresses
      try {
        await this.#file.write({ members: addresses })
        written = text
      } catch (error) {
        this.#log.debug({ reason: reasonOf(error) }, 'members are not remembered')
      }
    }
  }
}
