// Installs the packages when they are missing or older than package-lock.json, then builds the web
// page when it is missing or older than its sources. Plain JavaScript without imports from packages,
// because it runs first and with whatever Node.js the machine has.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const checkout = fileURLToPath(new URL('../', import.meta.url))

/** @param {string} path */
function modifiedMs(path) {
  return statSync(`${checkout}/${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

// Both are made by the last steps of an install, so that one that was broken off is repeated.
const installed =
  modifiedMs('node_modules/.package-lock.json') >= modifiedMs('package-lock.json') &&
  existsSync(`${checkout}/node_modules/node/bin`)

if (!installed) {
  console.error('Installing packages, once ...')
  // The one package whose install script is needed is `node`: npm puts it first on the PATH of
  // every script. Hence an older Node.js does for this step, and npm need not warn about it;
  // better-sqlite3 would be compiled, although it comes with binaries.
  const { status } = spawnSync(
    'npm ci --ignore-scripts --loglevel=error && npm rebuild node --loglevel=error',
    { cwd: checkout, shell: true, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  process.exitCode = status ?? 1
}

const page = 'peer/web/page'
const built = 'peer/web/page-dist'
// Folders change when a file is removed.
const pageSources = [
  page,
  ...readdirSync(`${checkout}/${page}`, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.endsWith('.test.ts'))
    .map((path) => `${page}/${path}`),
  'vite.config.ts',
  'package-lock.json',
]
const changedMs = Math.max(...pageSources.map(modifiedMs))

const mayBuild = process.exitCode === undefined || process.exitCode === 0
if (mayBuild && modifiedMs(`${built}/index.html`) < changedMs) {
  console.error('Building the web page ...')
  // Built beside and renamed, so that a peer that is running never serves half of it.
  const next = `${built}-${process.pid}`
  const { status, stdout } = spawnSync(
    `${checkout}/node_modules/node/bin/node`,
    [
      'node_modules/vite/bin/vite.js',
      'build',
      '--logLevel',
      'warn',
      '--outDir',
      `${checkout}/${next}`,
    ],
    { cwd: checkout, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
  )
  if (status === 0) {
    rmSync(`${checkout}/${built}`, { recursive: true, force: true })
    renameSync(`${checkout}/${next}`, `${checkout}/${built}`)
  } else {
    console.error(stdout)
    rmSync(`${checkout}/${next}`, { recursive: true, force: true })
    process.exitCode = status ?? 1
  }
}
