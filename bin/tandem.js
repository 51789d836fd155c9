#!/usr/bin/env node
/**
 * `tandem`: runs scripts/tandem.ts. Plain JavaScript that an old Node can parse: if `node` is too
 * old for TypeScript, the one installed by `npm install` takes over.
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

// V8 counts the small objects of a transfer but not the buffers that they refer to. With a
// young generation of fixed size they are collected in time, and a peer stays 60 MB smaller on 1 GiB.
// Loading the program would grow it, so this comes first.
const isIndex = process.argv[2] === 'index'
if (!isIndex) keepYoungGenerationSmall()

if (Number.parseInt(process.versions.node, 10) >= nodeMajorMin) {
  // Caches compiled code, including TypeScript: a command takes two thirds of the
  // time, and a thread, which gets the folder from its environment, a third.
  const cacheFolder = fileURLToPath(new URL('../node_modules/.cache/tandem', import.meta.url))
  // oxlint-disable-next-line no-restricted-properties -- nothing is read
  process.env['NODE_COMPILE_CACHE'] ??= cacheFolder
  module.enableCompileCache(cacheFolder)
  const { main } = await import('../scripts/tandem.ts')
  // An index transfers nothing. Of 4 MB, as loading has left it, it is as fast as of 57 MB. What
  // announcements leave in the old generation, which would grow to four times of what is alive, is
  // collected at twice: 45 MB less.
  if (isIndex) {
    keepYoungGenerationSmall()
    setFlagsFromString('--heap-growing-percent=100')
  }
  await main()
} else if (existsSync(ownNode)) {
  runWith(ownNode)
} else {
  fail(
    `Node ${nodeMajorMin} is needed, this is ${process.versions.node}: run 'npm install' in ${checkout} first`,
  )
}

function keepYoungGenerationSmall() {
  setFlagsFromString('--semi-space-growth-factor=1')
}

/**
 * Runs this program with another Node and exits like it.
 * @param {string} node
 */
function runWith(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both processes; other senders signal only this one.
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
