#!/usr/bin/env node
/**
 * `tandem`: runs scripts/tandem.ts. Plain JavaScript that an old Node can parse: where `node` is too
 * old for TypeScript, the one that `npm install` brought along takes over.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const nodeMajorMin = 26
const self = fileURLToPath(import.meta.url)
const checkout = fileURLToPath(new URL('..', import.meta.url))
const executable = process.platform === 'win32' ? 'node.exe' : 'node'
const ownNode = fileURLToPath(new URL(`../node_modules/node/bin/${executable}`, import.meta.url))

// Of what a transfer leaves behind, V8 sees the small objects and not the buffers they stand for: a
// young generation that does not grow is collected in time, and a peer stays 60 MB smaller on 1 GiB.
// It has grown by the time the program is loaded, so this comes first. An index transfers nothing, and
// spends a fifth less time when it may grow.
if (process.argv[2] !== 'index') setFlagsFromString('--semi-space-growth-factor=1')

if (Number.parseInt(process.versions.node, 10) >= nodeMajorMin) {
  // What was compiled once, TypeScript included, is not compiled again: a command takes two thirds of the
  // time, and a thread, which finds the folder in its environment, a third.
  const cacheFolder = fileURLToPath(new URL('../node_modules/.cache/tandem', import.meta.url))
  // oxlint-disable-next-line no-restricted-properties -- nothing is read
  process.env['NODE_COMPILE_CACHE'] ??= cacheFolder
  module.enableCompileCache(cacheFolder)
  const { main } = await import('../scripts/tandem.ts')
  await main()
} else if (existsSync(ownNode)) {
  runWith(ownNode)
} else {
  fail(
    `Node ${nodeMajorMin} is needed, this is ${process.versions.node}: run 'npm install' in ${checkout} first`,
  )
}

/**
 * Runs this program under another Node and ends as it ends.
 * @param {string} node
 */
function runWith(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both; whoever else sends a signal sends it to this process alone.
      const isFromTerminal =
        signal === 'SIGINT' && [0, 1, 2].some((descriptor) => isatty(descriptor))
      if (!isFromTerminal) child.kill(signal)
    })
  child.on('error', (error) => fail(`cannot run ${node}: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
  })
}

/** @param {string} reason */
function fail(reason) {
  process.stderr.write(`tandem: ${reason}.\n`)
  process.exitCode = 1
}
