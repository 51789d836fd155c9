import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { openDatabase } from '../../common/sqlite.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { migrations } from '../../indexing-server/store/migrations.ts'
import { faultsIn } from '../../indexing-server/testing/recount.ts'

const program = fileURLToPath(new URL('./commit-until-killed.ts', import.meta.url))
const rounds = 200
/** The process is killed after so many acknowledgements, drawn anew each time. */
const acknowledgedMax = 25

/** Runs the program until it has acknowledged `count` writes, and kills it in the middle of others. */
async function killAfter(count: number, path: string, round: number): Promise<string[]> {
  const child: ChildProcess = spawn(process.execPath, [program, path, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  if (child.stdout === null) throw new Error('the program has no output')
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (lines.length === count) child.kill('SIGKILL')
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
  return lines
}

/** What the database lost of what was acknowledged, and what is wrong with it. */
function lossesIn(path: string, lines: readonly string[]): string[] {
  const database = openDatabase(path, { migrations })
  try {
    const check = database.pragma('quick_check', { simple: true })
    const isUnshared = database.prepare('select 1 from unshared where name = ?')
    const seen = Number(database.prepare('select seen_seq from peers').pluck().get())
    const lost = lines.filter((line) => {
      const [what, value = ''] = line.split(' ')
      return what === 'seen' ? seen < Number(value) : isUnshared.get(value) === undefined
    })
    return [...(check === 'ok' ? [] : [String(check)]), ...lost, ...faultsIn(database)]
  } finally {
    database.close()
  }
}

test(`what is acknowledged survives ${rounds} kills during commits, and the counters are right`, async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.sqlite')
  const random = seededRandom('kills')
  let acknowledged = 0
  for (let round = 1; round <= rounds; round += 1) {
    const lines = await killAfter(1 + Math.floor(random.fraction() * acknowledgedMax), path, round)
    expect(lossesIn(path, lines)).toEqual([])
    acknowledged += lines.length
  }
  expect(acknowledged).toBeGreaterThan(rounds)
}, 300_000)
