import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../../common/random.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { faultsIn } from '../testing/recount.ts'
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

/** Rows of every kind, in the schema before rows were packed. */
const everyKind = `
insert into peers (peer_id, host, port, free_bytes, epoch, seen_seq, inventory, heard_ms) values
  ('owner', 'h', 1, 5, 'e', 9, 1, 9), ('keeper', 'h', 2, 5, 'f', 9, 1, 9),
  ('twin', 'h', 3, 5, 'g', 9, 1, 9);
insert into contents (content_id, sha256, size, chunk_root) values
  (1, x'${hash('1')}', 10, null), (2, x'${hash('2')}', 20, x'${hash('9')}'),
  (3, x'${hash('3')}', 30, null), (4, x'${hash('4')}', 40, null), (5, x'${hash('5')}', 50, null),
  (6, x'${hash('6')}', 60, null), (7, x'${hash('7')}', 70, null);
insert into copies (peer_id, kind, owner, name, version, content_id, modified_ms, inventory, withheld, stray)
values
  -- One content under two names, and of two owners.
  ('owner', 0, '', 'dir/a', '', 1, 100, 1, 0, 0), ('owner', 0, '', 'dir/b', '', 1, 101, 1, 0, 0),
  ('twin', 0, '', 'dir/a', '', 1, 102, 1, 0, 0), ('keeper', 2, 'owner', 'dir/a', '', 1, 100, 1, 0, 0),
  -- An edited file, with the version before it kept beside the current one.
  ('owner', 0, '', 'edited', '', 2, 200, 1, 0, 0), ('keeper', 2, 'owner', 'edited', '', 2, 200, 1, 0, 0),
  ('keeper', 2, 'owner', 'edited', '${hash('3')}', 3, 190, 1, 0, 0),
  -- Unshared, damaged, deleted, and a stray replica of a renamed file.
  ('owner', 0, '', 'hidden', '', 4, 300, 1, 1, 0), ('twin', 0, '', 'damaged', '', 5, 310, 1, 2, 0),
  ('keeper', 2, 'owner', 'deleted', '', 6, 320, 1, 0, 0),
  ('keeper', 2, 'owner', 'old name', '', 1, 100, 1, 0, 1),
  -- A download, and a replica of a peer that never said hello.
  ('twin', 1, '', 'loot', '', 7, 400, 1, 0, 0), ('keeper', 2, 'stranger', 'theirs', '', 7, 410, 1, 0, 0);
insert into files values
  ('owner', 'dir/a', 1, 100, 1, 11), ('owner', 'dir/b', 1, 101, 1, 12), ('twin', 'dir/a', 1, 102, 1, 13),
  ('owner', 'edited', 2, 200, 1, 14), ('twin', 'damaged', 5, 310, 1, 0),
  ('stranger', 'theirs', 7, 410, 0, 0);
insert into replaced values ('owner', 'edited', 3, 190, 500);
insert into trash values ('owner', 'deleted', 6, 320, 600, 601);
insert into gone values ('owner', 'deleted', 601, 1), ('owner', 'old name', 602, 0);
insert into unshared values ('hidden', 'owner');
`

async function migrated(path: string, clock: FakeClock) {
  const before = openDatabase(path, { migrations: migrations.slice(0, 10) })
  before.exec(everyKind)
  before.close()
  const steps: string[] = []
  let database: Database | undefined
  const store = new SqliteStore(
    { path, commitDelayMs: 0 },
    {
      clock,
      random: systemRandom,
      onProgress: (step) => steps.push(step),
      open: (...options) => (database = openDatabase(...options)),
    },
  )
  return { store, steps, database: database as Database | undefined }
}

test('packing the rows keeps every kind of them, and reports its progress', async () => {
  await using folder = await temporaryFolder()
  const clock = new FakeClock()
  const { store, steps, database } = await migrated(join(folder.path, 'index.sqlite'), clock)
  await using _ = store
  expect(steps).toHaveLength(5)
  expect(database && faultsIn(database)).toEqual([])
  expect(await store.totals()).toEqual({
    names: 5,
    contents: 7,
    wanted: 5,
    copies: 11,
    bytes: 280,
    trashFiles: 1,
    trashBytes: 60,
  })
  const listed = await store.listNames({ name: '', contentId: 0 }, 99)
  expect(listed.map(({ name, contentId }) => `${name} ${contentId}`)).toEqual([
    'damaged 5',
    'dir/a 1',
    'dir/b 1',
    'edited 2',
    'loot 7',
    'theirs 7',
  ])
  expect(await store.contentsNamed('edited', 9)).toEqual([
    {
      contentId: 2,
      sha256: hash('2'),
      size: 20,
      chunkRoot: hash('9'),
      holders: [
        { peerId: 'keeper', kind: 'replicated' },
        { peerId: 'owner', kind: 'shared' },
      ],
      file: { owner: 'owner', name: 'edited' },
      isTrashed: false,
      factor: 2,
      owners: ['owner'],
      modifiedMs: 200,
    },
  ])
  expect(await store.contentsNamed('dir/a', 9)).toMatchObject([
    { contentId: 1, owners: ['owner', 'twin'], modifiedMs: 102 },
  ])
  expect(await store.contentsNamed('loot', 9)).toMatchObject([{ contentId: 7, modifiedMs: 400 }])
  expect(await store.contentsHashed(hash('5'))).toMatchObject([{ contentId: 5, holders: [] }])
  expect(await store.copiesOf(5, 9)).toMatchObject([{ peerId: 'twin', damaged: true }])
  expect(await store.versionsOf({ owner: 'owner', name: 'edited' })).toMatchObject([
    { content: { contentId: 2 }, replacedMs: undefined },
    { content: { contentId: 3 }, replacedMs: 500 },
  ])
  expect(await store.trash({ owner: '', name: '' }, 9)).toMatchObject([
    { owner: 'owner', name: 'deleted', deletedMs: 600, content: { contentId: 6, isTrashed: true } },
  ])
  expect(await store.strays('keeper', 9)).toMatchObject([
    { owner: 'owner', name: 'old name', to: { owner: 'owner' } },
  ])
  expect(await store.namesakes('hidden', 9)).toMatchObject({ owners: [], unsharedBy: ['owner'] })
  const { contentIds } = await store.contentIds('keeper', undefined, 99)
  expect(contentIds.toSorted((a, b) => a - b)).toEqual([1, 1, 2, 3, 6, 7])

  // A new content gets an id that none has had.
  const content = { sha256: hash('8'), size: 1, chunkRoot: hash('8') }
  const change = { op: 'put', seq: 10, kind: 'shared', name: 'new', modifiedMs: 1 } as const
  const numbers = { peerId: 'owner', epoch: 'e', previousSeq: 9, lastSeq: 10 }
  const announced = store.announce({ ...numbers, changes: [{ ...change, ...content }] })
  await clock.advance(0)
  expect((await announced).contentIds).toEqual([8])
})
