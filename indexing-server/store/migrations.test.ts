import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../../common/random.ts'
import { openDatabase } from '../../common/sqlite.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { migrations } from './migrations.ts'
import { SqliteStore } from './sqlite-store.ts'

const noTrash = { trashFiles: 0, trashBytes: 0 }
const hash = (digit: string): string => digit.repeat(64)

/** A database of the first schema with an owner, its keeper, a download and an unshared file. */
const rows = `
insert into peers (peer_id, host, port, free_bytes, epoch, seen_seq, inventory, heard_ms) values
  ('owner', 'h', 1, 5, 'e', 3, 1, 9), ('keeper', 'h', 2, 5, 'f', 2, 1, 9);
insert into contents (content_id, sha256, size) values (1, x'${hash('a')}', 10), (2, x'${hash('b')}', 7);
insert into copies values
  ('owner', 0, '', 'a', 1, 100, 1, 0), ('owner', 0, '', 'hidden', 2, 100, 1, 1),
  ('keeper', 2, 'owner', 'a', 1, 100, 1, 0), ('keeper', 1, '', 'a', 1, 100, 1, 0);
insert into files values ('owner', 'a', 1, 100, 1);
insert into unshared values ('hidden', 'owner');
`

test('a database of the first schema keeps its data, and continues counting', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.sqlite')
  const first = openDatabase(path, { migrations: migrations.slice(0, 1) })
  first.exec(rows)
  first.close()

  const clock = new FakeClock()
  await using store = new SqliteStore({ path, commitDelayMs: 0 }, { clock, random: systemRandom })
  expect(await store.totals()).toEqual({
    names: 1,
    contents: 2,
    wanted: 1,
    copies: 3,
    bytes: 17,
    ...noTrash,
  })
  expect(await store.peers()).toMatchObject([
    { peerId: 'keeper', copies: 2, bytes: 20, replicas: 1, replicaBytes: 10 },
    { peerId: 'owner', copies: 1, bytes: 10, replicas: 0, replicaBytes: 0 },
  ])
  const [content] = await store.contents([1])
  expect(content).toMatchObject({ sha256: hash('a'), file: { owner: 'owner', name: 'a' } })
  expect(content?.holders.map(({ peerId, kind }) => `${peerId} ${kind}`)).toEqual([
    'keeper downloaded',
    'keeper replicated',
    'owner shared',
  ])
  expect(await store.namesakes('hidden', 9)).toMatchObject({ owners: [], unsharedBy: ['owner'] })
  expect(await store.intentSince(0, 9)).toEqual([
    { kind: 'unshared', key: 'owner/hidden', value: 'true', changedMs: 0, revision: 1 },
  ])

  // The owner edits its file, continuing its numbers.
  const change = { op: 'put', seq: 4, kind: 'shared', name: 'a', modifiedMs: 200 } as const
  const content2 = { sha256: hash('c'), size: 1, chunkRoot: hash('c') }
  const announced = store.announce({
    peerId: 'owner',
    epoch: 'e',
    previousSeq: 3,
    lastSeq: 4,
    changes: [{ ...change, ...content2 }],
  })
  await clock.advance(0)
  expect(await announced).toMatchObject({ seenSeq: 4, holdings: { copies: 1, bytes: 1 } })
  const versions = await store.versionsOf({ owner: 'owner', name: 'a' })
  expect(versions.map((version) => version.content.sha256)).toEqual([hash('c'), hash('a')])
  expect(await store.totals()).toEqual({
    names: 1,
    contents: 3,
    wanted: 1,
    copies: 3,
    bytes: 18,
    ...noTrash,
  })
})
