// Installs the packages when they are missing or older than package-lock.json. Plain JavaScript
// without imports from packages, because it runs first and with whatever Node.js the machine has.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
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
