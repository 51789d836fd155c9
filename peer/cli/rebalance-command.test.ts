import { expect, test } from 'vitest'
import { Shell } from '../testing/shell.ts'

function aShell(): Shell {
  const shell = new Shell()
  const flow = { from: 'peer1', to: 'peer3', contents: 120, bytes: 4_000_000_000 }
  const plan = { flows: [flow], contents: 120, bytes: flow.bytes, isPartial: false }
  shell.peer.rebalancing.plan = plan
  return shell
}

const table = 'FROM   TO     FILES     SIZE\npeer1  peer3    120  4.00 GB\n'

test('a dry run shows what would move, and starts nothing', async () => {
  const shell = aShell()
  expect(await shell.type('rebalance', '--dry-run')).toBe(0)
  expect(shell.answers.text).toBe(
    `${table}It would move 120 files, 4.00 GB, at 10.00 MB/s in 6 min 40 s.\n`,
  )
  expect(shell.peer.rebalancing.progress.state).toBe('idle')
})

test('it shows its plan and starts; while it runs it shows the progress', async () => {
  const shell = aShell()
  expect(await shell.type('rebalance')).toBe(0)
  expect(shell.answers.text).toBe(
    `${table}It moves 120 files, 4.00 GB, at 10.00 MB/s in 6 min 40 s, in the background: \`rebalance\` shows the progress, \`rebalance --stop\` ends it.\n`,
  )
  const { rebalancing } = shell.peer
  const moved = { movedContents: 30, movedBytes: 1_000_000_000, leftBytes: 3_000_000_000 }
  rebalancing.progress = { ...rebalancing.progress, ...moved }
  expect(await shell.type('rebalance')).toBe(0)
  expect(shell.answers.text.split('\n').at(-2)).toBe(
    '30 files (1.00 GB) moved, 3.00 GB left, at 10.00 MB/s in 5 min 00 s',
  )
})

test('it can be stopped, and JSON has everything', async () => {
  const shell = aShell()
  await shell.peer.startRebalance()
  expect(await shell.type('rebalance', '--stop', '--json')).toBe(0)
  expect(JSON.parse(shell.answers.text)).toMatchObject({ state: 'stopped', movedContents: 0 })
  await shell.type('rebalance', '--status')
  expect(shell.answers.text).toMatch(/\nThe last rebalance is stopped: 0 files \(0 B\) moved\.\n$/)
})

test('a balanced cluster has nothing to move', async () => {
  const shell = new Shell()
  await shell.type('rebalance', '--dry-run')
  expect(shell.answers.text).toBe(
    'Nothing to move: peers are about equally full, or no replica can move.\n',
  )
})
