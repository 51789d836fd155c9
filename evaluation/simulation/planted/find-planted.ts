/** Shows that the simulation finds bugs: each is planted in a copy of the source, where its seed must fail. */
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type PlantedBug, plantedBugs } from './planted-bugs.ts'

const root = resolve(import.meta.dirname, '../../..')
const copied = ['common', 'indexing-server', 'peer', 'evaluation', 'scripts', 'package.json']

/** Seeds to try when that of a bug passes. */
const otherSeeds = 60

/** The source of a file with the bug in it. @throws Error unless its place is found exactly once */
export async function withBug({ file, find, replace }: PlantedBug): Promise<string> {
  const source = await readFile(join(root, file), 'utf8')
  const places = source.split(find)
  if (places.length !== 2) throw new Error(`${file} has ${places.length - 1} times: ${find}`)
  return places.join(replace)
}

/** @returns whether all bugs were found */
export async function findPlanted(
  { print }: { readonly print: (line: string) => void },
  signal: AbortSignal,
): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-planted-'))
  try {
    for (const name of copied) await cp(join(root, name), join(folder, name), { recursive: true })
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    let missed = 0
    for (const bug of plantedBugs) {
      if (signal.aborted) return false
      const found = await foundIn(folder, bug, signal)
      if (found?.seed !== bug.seed) missed += 1
      print(
        found === undefined
          ? `MISSED ${bug.what}`
          : `${bug.what}: seed ${found.seed}, ${found.how}`,
      )
    }
    print(
      `${plantedBugs.length - missed} of ${plantedBugs.length} planted bugs were found by their seeds.`,
    )
    return missed === 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What finds a bug: its seed or, if other scripts are drawn now, the first that does. */
async function foundIn(
  folder: string,
  bug: PlantedBug,
  signal: AbortSignal,
): Promise<{ seed: number; how: string } | undefined> {
  const path = join(folder, bug.file)
  const original = await readFile(path, 'utf8')
  await writeFile(path, await withBug(bug))
  try {
    const kind = bug.isMesh === true ? ['--mesh', '--whole'] : []
    const own = [...kind, '--seed', String(bug.seed)]
    const others = [...kind, '--seeds', String(otherSeeds)]
    return (await failure(own, folder, signal)) ?? (await failure(others, folder, signal))
  } finally {
    await writeFile(path, original)
  }
}

async function failure(
  seeds: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<{ seed: number; how: string } | undefined> {
  const given = ['scripts/simulate.ts', ...seeds, '--no-reduce']
  const child = spawn(process.execPath, given, {
    cwd: folder,
    signal,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [, seed, how = ''] = /^Seed (\d+) failed: (.*)$/m.exec(await text(child.stdout)) ?? []
  return seed === undefined ? undefined : { seed: Number(seed), how: how.slice(0, 120) }
}
