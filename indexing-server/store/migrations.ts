import type { Migration } from '../../common/sqlite.ts'
import { initial } from './migrations/0001-initial.ts'
import { identities } from './migrations/0002-identities.ts'
import { replacedVersions } from './migrations/0003-replaced-versions.ts'
import { writeProbe } from './migrations/0004-write-probe.ts'
import { events } from './migrations/0005-events.ts'
import { intent } from './migrations/0006-intent.ts'
import { replicaCounts } from './migrations/0007-replica-counts.ts'
import { trash } from './migrations/0008-trash.ts'
import { forgottenOwners } from './migrations/0009-forgotten-owners.ts'
import { intentSources } from './migrations/0010-intent-sources.ts'
import { packedRows } from './migrations/0011-packed-rows.ts'
import { proofs } from './migrations/0012-proofs.ts'
import { contentHashes } from './migrations/0013-content-hashes.ts'

/**
 * The database of the index: migration n, from 1, makes version n of version n - 1. Each has a
 * file. Append only: a database has run all up to its version.
 */
export const migrations: readonly Migration[] = [
  initial,
  identities,
  replacedVersions,
  writeProbe,
  events,
  intent,
  replicaCounts,
  trash,
  forgottenOwners,
  intentSources,
  packedRows,
  proofs,
  contentHashes,
  // The next one is appended here.
]
