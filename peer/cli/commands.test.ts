import { describe, expect, test, vi } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { Problem } from '../api/problem-shapes.ts'
import { Shell } from '../testing/shell.ts'

describe('the sample session', () => {
  test('lookup', async () => {
    const shell = new Shell()
    shell.peer.add('peer2_kb_0050.txt')
    expect(await shell.type('lookup', 'peer2_kb_0050.txt')).toBe(0)
    expect(shell.answers.text).toBe(
      "Peers serving 'peer2_kb_0050.txt':\n  - peer2 @ 127.0.0.1:7101\n",
    )
  })

  test('download', async () => {
    const shell = new Shell({ isTTY: true })
    shell.peer.add('peer2_kb_0050.txt', 'remote', 'x'.repeat(1_024))
    expect(await shell.type('download', 'peer2_kb_0050.txt')).toBe(0)
    expect(shell.answers.text).toBe(
      "Downloaded 'peer2_kb_0050.txt' from 127.0.0.1:7101 -> data/peer1/downloaded/peer2_kb_0050.txt\n" +
        '(1024 bytes in 0.05s, 20.48 KB/s)\n',
    )
  })

  test('download, when a program reads: one line, no bar', async () => {
    const shell = new Shell()
    shell.peer.add('a.txt')
    await shell.type('download', 'a.txt')
    expect(shell.answers.text.split('\n')).toHaveLength(2)
    expect(shell.remarks.text).toBe('')
  })

  test('list replicated', async () => {
    const shell = new Shell()
    shell.peer.add('peer2_kb_0010.txt', 'replicated', 'x'.repeat(1_024))
    expect(await shell.type('LIST', 'Replicated')).toBe(0)
    expect(shell.answers.text).toBe('Replicated files (1):\n  - peer2_kb_0010.txt (1024 bytes)\n')
  })

  test('stats', async () => {
    const shell = new Shell()
    expect(await shell.type('stats')).toBe(0)
    expect(shell.answers.text).toBe(
      [
        'Performance stats:',
        '  Search time: mean=0.0123s stdev=0.0045s min=0.0089s max=0.0201s',
        '  Download speed (B/s): mean=204800.0 stdev=15234.5 min=180000.0 max=230000.0',
        '  Throughput: 198450.5 B/s',
        '',
      ].join('\n'),
    )
  })
})

describe('list', () => {
  test('shows all kinds by default, local ones first', async () => {
    const shell = new Shell()
    shell.peer.add('far.txt', 'remote')
    shell.peer.add('mine.txt', 'shared')
    await shell.type('list')
    expect(shell.answers.text).toBe(
      'Local files (1):\n  - mine.txt (8 bytes)\nRemote files (1):\n  - far.txt (7 bytes)\n',
    )
  })

  test('local and shared mean the same', async () => {
    const shell = new Shell()
    shell.peer.add('mine.txt', 'shared')
    expect(await shell.json('list', 'local')).toEqual(await shell.json('list', 'shared'))
  })

  test('reports an empty list and a truncated one', async () => {
    const shell = new Shell()
    await shell.type('list', 'downloaded')
    expect(shell.answers.text).toBe('Downloaded files (0):\n')
    for (let count = 0; count < 3; count++) shell.peer.add(`file ${count}`)
    await shell.type('list', 'remote', '--limit', '2')
    expect(shell.answers.text).toContain('Remote files (the first 2):')
    expect(shell.answers.text).toContain('--limit N')
  })

  test('prints every row for programs, over many pages', async () => {
    const shell = new Shell()
    for (let count = 0; count < 1_203; count++) shell.peer.add(`file ${count}`)
    expect(await shell.json('list')).toHaveLength(1_203)
    expect(await shell.json('list', '--limit', '7')).toHaveLength(7)
    expect(await shell.json('search', 'file 12')).toHaveLength(14)
    expect(await shell.json('search', 'nothing')).toEqual([])
  })
})

describe('JSON', () => {
  test('has the shapes that are documented', async () => {
    const shell = new Shell()
    const { sha256, size } = shell.peer.add('a.txt', 'remote')
    const source = { peerId: 'peer2', host: '127.0.0.1', port: 7101 }
    expect(await shell.json('lookup', 'a.txt')).toEqual({
      name: 'a.txt',
      files: [{ sha256, size, chunkRoot: sha256, sources: [{ ...source, kind: 'shared' }] }],
    })
    expect(await shell.json('download', 'a.txt')).toEqual({
      name: 'a.txt',
      path: '/home/ada/data/peer1/downloaded/a.txt',
      bytes: size,
      reusedBytes: 0,
      seconds: 0.05,
      sha256,
      sources: [source],
    })
    expect(await shell.json('list')).toEqual([{ name: 'a.txt', kind: 'remote', size, sha256 }])
    expect(Object.keys((await shell.json('status')) as object)).toEqual([
      'peers',
      'contents',
      'atFactor',
      'belowFactor',
      'tasks',
      'peer',
    ])
  })
})

describe('what the network says', () => {
  test('cannot move the cursor', async () => {
    const shell = new Shell()
    shell.peer.add('evil\u009b2J\u202e.txt')
    await shell.type('search')
    await shell.type('list')
    shell.peer.failure = new AppError('DIAL_FAILED', { address: 'x', reason: '\u009b2J' })
    await shell.type('status')
    expect(shell.answers.text + shell.remarks.text).not.toMatch(/[\u009b\u202e]/)
    expect(shell.answers.text).toContain('evil\\u{9b}2J\\u{202e}.txt')
  })
})

describe('a table', () => {
  test('lists the peers', async () => {
    const shell = new Shell()
    await shell.type('peers')
    expect(shell.answers.text).toBe(
      [
        'PEER   ADDRESS         HTTP            STATE  ZONE    COPIES     SIZE     FREE  LAST HEARD',
        'peer1  127.0.0.1:7100  127.0.0.1:8100  live   -            3  3.07 KB  5.00 GB  now',
        'peer2  127.0.0.1:7101  -               dead   rack 2       3  3.07 KB  5.00 GB  1 min 15 s ago',
        '',
      ].join('\n'),
    )
  })

  test('is coloured only on a terminal that interprets escape sequences', async () => {
    vi.stubEnv('TERM', 'xterm')
    const shell = new Shell({ isTTY: true })
    await shell.type('peers')
    expect(shell.answers.text).toContain('\u001b[')
    vi.stubEnv('TERM', 'dumb')
    const dumb = new Shell({ isTTY: true })
    await dumb.type('peers')
    dumb.peer.add('a.txt')
    await dumb.type('download', 'a.txt')
    vi.unstubAllEnvs()
    expect(dumb.answers.text + dumb.remarks.text).not.toContain('\u001b')
  })

  test('a name that looks like an option has a remedy', async () => {
    const shell = new Shell()
    shell.peer.add('-rf')
    expect(await shell.type('lookup', '-rf')).toBe(2)
    expect(shell.remarks.text).toContain("Put a name that begins with '-' after '--'")
    expect(await shell.type('lookup', '--', '-rf')).toBe(0)
  })
})

test('why shows which copies are missing', async () => {
  const shell = new Shell()
  shell.peer.add('a.txt')
  await shell.type('why', 'a.txt')
  expect(shell.answers.text).toMatch(/^'a.txt' [0-9a-f]{12} \(5 B\): on 1 live peer, 2 wanted$/m)
  expect(shell.answers.text).toContain('  ! no other live peer has 10 bytes of room')
})

test('status shows the state of the cluster', async () => {
  const shell = new Shell()
  await shell.type('status')
  expect(shell.answers.text).toContain('2 live, 0 suspect, 1 dead')
  expect(shell.answers.text).toContain('4 with all their copies, 1 lacking copies')
})

test.each([
  [{ isInsecure: true }, {}, 'the index'],
  [{}, { isInsecure: true }, 'peer1'],
  [{ isInsecure: true }, { isInsecure: true }, 'the index or peer1'],
] as const)('status begins with what is insecure: %j, %j', async (index, self, exposed) => {
  const shell = new Shell()
  const status = await shell.peer.status()
  const peer = { ...status.peer, peerId: 'peer1', ...self }
  shell.peer.status = async () => ({ ...status, ...index, peer })
  await shell.type('status')
  expect(shell.answers.text).toMatch(
    new RegExp(
      `^Insecure:  every machine that reaches ${exposed} can read, change and delete files`,
    ),
  )
})

test('status says that the index is away, and who keeps the copies meanwhile', async () => {
  const shell = new Shell()
  const status = await shell.peer.status()
  const saying = async (awayMs: number, isActing: boolean): Promise<string> => {
    const indexAway = { address: 'index:7000', awayMs, isActing }
    shell.peer.status = async () => ({ ...status, peer: { ...status.peer, indexAway } })
    await shell.type('status')
    return shell.answers.text
  }
  expect(await saying(12_000, false)).toContain(
    'Index:     index:7000 has been away for 12 s: this peer answers from what it knows of other peers, and no copies',
  )
  expect(await saying(70_000, true)).toContain('and the peers maintain the copies of files')
  expect(await saying(0, false)).toContain('index:7000 is back, and will answer again in a moment')
})

test('status says why nothing is copied, and since when', async () => {
  const shell = new Shell()
  const status = await shell.peer.status()
  const brake = { cause: 'peers-lost', forMs: 61_000, leftMs: 9_000 } as const
  shell.peer.status = async () => ({ ...status, paused: '3 of 6 peers were lost together', brake })
  await shell.type('status')
  expect(shell.answers.text).toContain(
    'Paused:    3 of 6 peers were lost together (for 1 min 01 s); `replication resume` ends it\n',
  )
  expect(await shell.json('status')).toMatchObject({ brake })
})

describe('a file that is not shared', () => {
  const problem: Problem = {
    code: 'NAME_CONTROL_CHARACTER',
    name: 'new\nline.txt',
    folder: 'shared',
    path: '/home/ada/data/peer1/shared/new\nline.txt',
    reason: 'its name has a control character, which terminals would execute',
    remedy: 'Rename it.',
  }
  const said = [
    "'shared/new\\u{a}line.txt' is not shared: its name has a control character, which terminals would execute.",
    '  Rename it.',
  ].join('\n')

  test('is listed with its reason and remedy', async () => {
    const shell = new Shell()
    expect(await shell.type('problems')).toBe(0)
    expect(shell.answers.text).toContain('No problems')
    shell.peer.problemList.push(problem)
    await shell.type('problems')
    expect(shell.answers.text).toContain(said)
    expect(await shell.json('problems')).toEqual({ total: 1, problems: [problem] })
  })

  test('is counted by status, and why answers for it', async () => {
    const shell = new Shell()
    await shell.type('status')
    expect(shell.answers.text).not.toContain('Problems:')
    shell.peer.problemList.push(problem)
    await shell.type('status')
    expect(shell.answers.text).toContain('Problems:  1 file of peer1 not shared or damaged')
    expect(await shell.type('why', problem.name)).toBe(0)
    expect(shell.answers.text).toContain(said)
  })
})

test('versions lists the current content and what is kept', async () => {
  const shell = new Shell()
  const { sha256 } = shell.peer.add('notes.txt', 'shared', 'second')
  const replaced = shell.peer.add('notes.txt', 'shared', 'first')
  expect(await shell.type('versions', 'notes.txt')).toBe(0)
  const [titles, ...rows] = shell.answers.text.trimEnd().split('\n')
  expect(titles).toMatch(/^SHA-256 +SIZE +MODIFIED +OWNER +STATE +COPIES +KEPT UNTIL$/)
  expect(rows).toEqual([
    `${sha256}   6 B  1970-01-01T00:00:01.000Z  peer2  current        1  -`,
    `${replaced.sha256}   5 B  1970-01-01T00:00:01.000Z  peer2  replaced       1  1970-01-01T01:00:00.000Z`,
  ])
})

describe('wrong usage', () => {
  test.each([
    [['lokup', 'a'], "unknown command 'lokup' (Did you mean lookup?)"],
    [['lookup'], "missing required argument 'name'"],
    [['lookup', 'my', 'file.txt'], 'too many arguments'],
    [['list', 'everything'], 'local, downloaded, replicated, remote, both'],
    [['list', '--limit', '0'], 'Must be a whole number, 1 or more.'],
    [['download', 'a', '--sha256', 'abc'], '64 hexadecimal digits'],
    [['stats', '--jsn'], '(Did you mean --json?)'],
  ])('%j is reported and exits with 2', async (words, complaint) => {
    const shell = new Shell()
    expect(await shell.type(...words)).toBe(2)
    expect(shell.remarks.text).toContain(complaint)
    expect(shell.answers.text).toBe('')
  })

  test('help exits with 0', async () => {
    const shell = new Shell()
    expect(await shell.type('help', 'download')).toBe(0)
    expect(shell.answers.text).toContain('Usage: tandem download [options] <name>')
  })
})
