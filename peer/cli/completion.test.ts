import { mkdir, writeFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { peerCommands } from './commands.ts'
import { type Completion, complete } from './completion.ts'
import { joinTokenCommand } from './join-token-commands.ts'
import { pathsWith } from './paths-with.ts'

const run = async (): Promise<void> => {}
const commands = [...peerCommands(run), joinTokenCommand(run)]

function completing(...names: string[]): (line: string) => Promise<Completion> {
  const api = new FakePeerApi({ clock: systemClock })
  for (const name of names) api.add(name)
  const sources = { api, commands, pathsWith: async () => [] }
  return (line) => complete(line, sources, new AbortController().signal)
}

describe('Tab completes', () => {
  const names = ['peer2_kb_0010.txt', 'peer2_kb_0050.txt', 'my file.txt', "it's.txt", 'a/b c/d.txt']

  test.each<[string, Completion]>([
    ['loo', [['lookup '], 'loo']],
    ['LO', [['LOokup '], 'LO']],
    ['s', [['search', 'scrub', 'safe-to-stop', 'series', 'stats', 'status'], 's']],
    ['help do', [['download', 'downloads'], 'do']],
    ['list rep', [['replicated '], 'rep']],
    ['limits ', [['set', 'reset'], '']],
    ['limits set upl', [['upload '], 'upl']],
    ['limits set upload u', [['unlimited '], 'u']],
    ['limits reset rep', [['replication-upload', 'replication-download'], 'rep']],
    ['limits reset upload ', [[], '']],
    ['replication ', [['list', 'set', 'get', 'unset', 'resume'], '']],
    ['replication get peer2_kb_005', [['peer2_kb_0050.txt '], 'peer2_kb_005']],
    ['replication resume ', [[], '']],
    ['drain ', [['peer1', 'peer2'], '']],
    ['safe-to-stop peer2', [['peer2 '], 'peer2']],
    ['peers ', [['forget', 'revoke'], '']],
    ['token ', [['list', 'create', 'revoke'], '']],
    ['token cre', [['create '], 'cre']],
    ['token create ', [[], '']],
    ['peers forget peer2', [['peer2 '], 'peer2']],
    ['download --sh', [['--sha256 '], '--sh']],
    ['history --of ', [['all', 'peer1', 'peer2'], '']],
    ['queries --of peer2', [['peer2 '], 'peer2']],
    ['history --of peer1 --dir', [['--direction '], '--dir']],
    ['history --direction i', [['in '], 'i']],
    ['events --about p', [['peer1', 'peer2'], 'p']],
    ['events --kind peer-l', [['peer-left '], 'peer-l']],
    ['events --name my', [["'my file.txt' "], 'my']],
    ['restore --owner peer1', [['peer1 '], 'peer1']],
    ['search --limit ', [[], '']],
    ['search --deleted my', [["'my file.txt' "], 'my']],
    ['lookup peer2', [['peer2_kb_0010.txt', 'peer2_kb_0050.txt'], 'peer2']],
    ['lookup peer2_kb_005', [['peer2_kb_0050.txt '], 'peer2_kb_005']],
    ['lookup my', [["'my file.txt' "], 'my']],
    ["lookup 'my f", [["'my file.txt' "], "'my f"]],
    ['lookup "my f', [['"my file.txt" '], '"my f']],
    ['lookup it', [["it's.txt "], 'it']],
    ["why 'it", [['"it\'s.txt" '], "'it"]],
    ['unshare a/b', [["'a/b c/d.txt' "], 'a/b']],
    ['lookup nobody', [[], 'nobody']],
    ['browse a', [['a/'], 'a']],
    ['browse a/', [["'a/b c/"], 'a/']],
    ['stats ', [[], '']],
    ['lokup x', [[], 'x']],
  ])('%j', async (line, completion) => {
    expect(await completing(...names)(line)).toEqual(completion)
  })

  test('offers the patterns of rules to remove', async () => {
    const api = new FakePeerApi({ clock: systemClock })
    await api.setReplication({ pattern: 'photos/**', factor: 3 })
    const sources = { api, commands, pathsWith: async () => [] }
    const { signal } = new AbortController()
    const completion = [['photos/** '], '']
    expect(await complete('replication unset ', sources, signal)).toEqual(completion)
  })

  test('quotes all names if one needs it, so that their common prefix can be completed', async () => {
    expect(await completing('my a.txt', 'my_b.txt')('lookup my')).toEqual([
      ["'my a.txt'", "'my_b.txt'"],
      'my',
    ])
  })

  test.each<[string, Completion]>([
    ['lookup [dr', [['[draft].txt '], '[dr']],
    ['lookup a[1', [['a[1].txt '], 'a[1']],
    ['lookup say', [['\'say "hi".txt\' '], 'say']],
  ])('names with quotes and the characters of patterns: %j', async (line, completion) => {
    expect(await completing('[draft].txt', 'a[1].txt', 'say "hi".txt')(line)).toEqual(completion)
  })

  test('never offers a name that would move the cursor', async () => {
    expect(await completing('evil\u009b2J')('lookup ev')).toEqual([[], 'ev'])
  })
})

test('paths are completed as they were typed', async () => {
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, 'pictures'))
  await writeFile(join(folder.path, 'pictures', 'a.jpg'), '')
  await writeFile(join(folder.path, 'plan.txt'), '')
  expect(await pathsWith(folder.path, 'p')).toEqual([`pictures${sep}`, 'plan.txt'])
  expect(await pathsWith(folder.path, './pl')).toEqual(['./plan.txt'])
  expect(await pathsWith(folder.path, 'pictures/')).toEqual(['pictures/a.jpg'])
  expect(await pathsWith('/', join(folder.path, 'pl'))).toEqual([join(folder.path, 'plan.txt')])
  expect(await pathsWith(folder.path, 'nowhere/x')).toEqual([])
})
