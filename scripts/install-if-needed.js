// Runs `npm ci` when node_modules is missing or older than package-lock.json. Plain JavaScript
// without imports from packages, because it runs first and with whatever Node.js the machine has.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const checkout = new URL('../', import.meta.url)

/** @param {string} path */
function modifiedMs(path) {
  return statSync(new URL(path, checkout), { throwIfNoEntry: false })?.mtimeMs ?? -Infinity
}

// npm writes this file at the end of every install, so that one that was broken off is repeated.
if (modifiedMs('node_modules/.package-lock.json') < modifiedMs('package-lock.json')) {
  console.error('Installing packages (npm ci), once ...')
  // An older Node.js than package.json asks for is fine here: npm puts the one it installs first on
  // the PATH of every script. Hence only errors are shown.
  const { status } = spawnSync('npm ci --loglevel=error', {
    cwd: fileURLToPath(checkout),
    shell: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  process.exitCode = status ?? 1
}
