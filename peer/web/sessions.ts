import { createHash } from 'node:crypto'
import Type, { type Static } from 'typebox'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { JsonFile } from '../../common/json-file.ts'
import type { Log } from '../../common/log.ts'
import { type Random, randomId } from '../../common/random.ts'

/** A browser is asked for the token four times a year. */
export const sessionMs = 90 * 86_400_000
/** The browsers of all users of one peer; beyond it the oldest session ends. */
export const sessionsMax = 200
const idBytes = 32

const SavedSessions = Type.Array(
  Type.Object({
    /** SHA-256 of the id, so that a copy of the file opens no session. */
    id: Type.String(),
    /** SHA-256 of the token that was shown: a new token ends all sessions. */
    token: Type.String(),
    endsMs: Type.Number(),
  }),
)
type Session = Static<typeof SavedSessions>[number]

interface SessionDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The browsers that have shown the token; they stay known across restarts. */
export class Sessions {
  readonly #file: JsonFile<typeof SavedSessions>
  readonly #dependencies: SessionDependencies
  /** By hashed id, oldest first. */
  readonly #sessions: Map<string, Session>

  static async open(path: string, dependencies: SessionDependencies): Promise<Sessions> {
    const file = new JsonFile({ path, schema: SavedSessions }, dependencies)
    return new Sessions(file, (await file.read()) ?? [], dependencies)
  }

  private constructor(
    file: JsonFile<typeof SavedSessions>,
    saved: readonly Session[],
    dependencies: SessionDependencies,
  ) {
    this.#file = file
    this.#dependencies = dependencies
    this.#sessions = new Map(saved.map((session) => [session.id, session]))
  }

  /** Opens a session that lasts `sessionMs`; if it cannot be saved, until the peer stops. @returns its id */
  async open(tokenDigest: Buffer): Promise<string> {
    const { clock, random, log } = this.#dependencies
    const id = randomId(random, idBytes)
    const key = hashOf(id)
    const endsMs = clock.nowMs() + sessionMs
    this.#sessions.set(key, { id: key, token: tokenDigest.toString('hex'), endsMs })
    this.#evict()
    await this.#save().catch((error: unknown) =>
      log.warn({ reason: reasonOf(error) }, 'a session could not be saved'),
    )
    return id
  }

  /** Whether the session is open, and was opened with this token. */
  isOpen(id: string, tokenDigest: Buffer): boolean {
    const session = this.#sessions.get(hashOf(id))
    return (
      session !== undefined &&
      session.token === tokenDigest.toString('hex') &&
      session.endsMs > this.#dependencies.clock.nowMs()
    )
  }

  /** @throws AppError DISK_FULL, DISK_FAILED: it would be open again after a restart */
  async close(id: string): Promise<void> {
    if (this.#sessions.delete(hashOf(id))) await this.#save()
  }

  #evict(): void {
    const nowMs = this.#dependencies.clock.nowMs()
    for (const { id, endsMs } of this.#sessions.values())
      if (endsMs <= nowMs || this.#sessions.size > sessionsMax) this.#sessions.delete(id)
  }

  async #save(): Promise<void> {
    await this.#file.write([...this.#sessions.values()])
  }
}

/** A lookup by hash reveals nothing about the id by the time it takes. */
function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}
