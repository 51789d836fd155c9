/**
 * `node scripts/check.ts [--tests [VITEST ARGUMENT ...]]`: runs all automated checks and prints one
 * line per step, with its errors below. A failed step does not stop the others.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { systemClock } from '../common/clock.ts'
import { runScript } from './run-script.ts'

interface Step {
  readonly name: string
  /** Arguments of Node: a file and its arguments. */
  readonly command: readonly string[]
  /** Whether it shows its own progress. */
  readonly isLong?: boolean
}

const checks: readonly Step[] = [
  { name: 'format', command: [binaryOf('@biomejs/biome', 'biome'), 'ci', '.'] },
  { name: 'lint', command: [binaryOf('oxlint', 'oxlint'), '--deny-warnings'] },
  { name: 'types', command: [binaryOf('typescript', 'tsc'), '-p', '.'] },
  { name: 'types of the page', command: [binaryOf('typescript', 'tsc'), '-p', 'peer/web/page'] },
  { name: 'tidy', command: ['scripts/tidy.ts'] },
  { name: 'docs', command: ['scripts/write-docs.ts', '--check'] },
  { name: 'dead code', command: [binaryOf('knip', 'knip')] },
]

function tests(vitestArguments: readonly string[]): Step {
  const command = [binaryOf('vitest', 'vitest'), 'run', ...vitestArguments]
  return { name: 'tests', command, isLong: true }
}

/** The script of an installed tool, run by Node directly: needs neither a shell nor a PATH. */
function binaryOf(packageName: string, name: string): string {
  const folder = join('node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    bin: string | Record<string, string>
  }
  return join(folder, typeof bin === 'string' ? bin : (bin[name] ?? name))
}

async function run({ name, command, isLong = false }: Step): Promise<boolean> {
  const startMs = systemClock.monotonicMs()
  const stdio = isLong ? 'inherit' : 'pipe'
  const child = spawn(process.execPath, command, { stdio: ['ignore', stdio, stdio] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', reject)
  })
  const [code, stdout, stderr] = await Promise.all([
    ended,
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
  ])
  const seconds = ((systemClock.monotonicMs() - startMs) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
  if (code !== 0) process.stdout.write(stdout + stderr)
  return code === 0
}

await runScript(async () => {
  const [, , mode, ...vitestArguments] = process.argv
  const steps = mode === '--tests' ? [...checks, tests(vitestArguments)] : checks
  const failed: string[] = []
  for (const step of steps) if (!(await run(step))) failed.push(step.name)
  if (failed.length > 0) process.exitCode = 1
  console.log(failed.length === 0 ? 'Everything passed.' : `Failed: ${failed.join(', ')}.`)
})
