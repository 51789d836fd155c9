import type { Database } from '../../common/sqlite.ts'
import type { GroupCommit } from './group-commit.ts'

/** Why a copy is not proven: wrong bytes, no answer in time, or no readable copy. */
export const proofFailures = ['wrong', 'late', 'absent'] as const
export type ProofFailure = (typeof proofFailures)[number]

/** A copy that does not count until its holder has proven it. */
export interface UnprovenCopy {
  readonly peerId: string
  readonly sha256: string
  readonly failure: ProofFailure
  /** Wall time since when. */
  readonly sinceMs: number
}

/** How far the walk over all contents is. */
export interface ProofWalk {
  /** Where its next step begins; empty at the beginning. */
  readonly after: string
  /** The number of the walk. */
  readonly round: number
  /** Wall time of its last step. */
  readonly steppedMs: number
}

/** What must outlive the process of what peers have proven; a part of the store of an index. */
export interface ProofRecords {
  unproven(): Promise<readonly UnprovenCopy[]>
  /** Replaces what is recorded of the same copy. */
  addUnproven(copy: UnprovenCopy): Promise<void>
  removeUnproven(copy: Pick<UnprovenCopy, 'peerId' | 'sha256'>): Promise<void>
  /** Undefined before the first step. */
  walk(): Promise<ProofWalk | undefined>
  setWalk(walk: ProofWalk): Promise<void>
}

/** {@link ProofRecords} in the database of the index. */
export class ProofTable implements ProofRecords {
  readonly #sql: ReturnType<typeof prepare>
  readonly #commits: Pick<GroupCommit, 'add'>

  constructor(database: Database, dependencies: { commits: Pick<GroupCommit, 'add'> }) {
    this.#sql = prepare(database)
    this.#commits = dependencies.commits
  }

  async unproven(): Promise<readonly UnprovenCopy[]> {
    return this.#sql.all.all() as UnprovenCopy[]
  }

  async addUnproven(copy: UnprovenCopy): Promise<void> {
    await this.#commits.add(1, () => {
      this.#sql.add.run({ ...copy, sinceMs: Math.floor(copy.sinceMs) })
    })
  }

  async removeUnproven({ peerId, sha256 }: Pick<UnprovenCopy, 'peerId' | 'sha256'>): Promise<void> {
    await this.#commits.add(1, () => {
      this.#sql.remove.run(peerId, sha256)
    })
  }

  async walk(): Promise<ProofWalk | undefined> {
    return this.#sql.walk.get() as ProofWalk | undefined
  }

  async setWalk(walk: ProofWalk): Promise<void> {
    await this.#commits.add(1, () => {
      this.#sql.setWalk.run({ ...walk, steppedMs: Math.floor(walk.steppedMs) })
    })
  }
}

function prepare(database: Database) {
  return {
    all: database.prepare(
      `select peer_id as peerId, sha256, failure, since_ms as sinceMs from unproven
       order by peer_id, sha256`,
    ),
    add: database.prepare(
      'insert or replace into unproven values (@peerId, @sha256, @failure, @sinceMs)',
    ),
    remove: database.prepare('delete from unproven where peer_id = ? and sha256 = ?'),
    walk: database.prepare('select after, round, stepped_ms as steppedMs from proof_walk'),
    setWalk: database.prepare(
      'insert or replace into proof_walk values (1, @after, @round, @steppedMs)',
    ),
  }
}
