/** The throughput of plain TCP: one file, of which each source sends an equal part. */
import { createReadStream } from 'node:fs'
import { appendFile, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FileFixture } from '../../common/testing/fixtures.ts'
import { checkFile } from '../system/check-file.ts'
import { freePorts } from '../system/cluster-fixture.ts'
import type { ProcessHost } from '../system/process-host.ts'
import { pathOf } from './anchor-programs.ts'
import { secondsOf } from './interleaved.ts'
import { flushDisk, runToEnd } from './outside-process.ts'
import { startNginx } from './web-anchors.ts'

interface PartsOptions {
  readonly sources: readonly ProcessHost[]
  readonly downloader: ProcessHost
  readonly folder: string
}

/**
 * An nginx on each source; `measure` fetches from all of them with parallel curls. Nothing is
 * verified or flushed.
 */
export async function startParts(
  original: FileFixture,
  { sources, downloader, folder }: PartsOptions,
): Promise<{ measure: () => Promise<number> } & AsyncDisposable> {
  await using starting = new AsyncDisposableStack()
  const [port] = await freePorts()
  for (const host of sources) {
    const own = join(folder, `nginx ${host.address}`)
    starting.use(await startNginx(dirname(original.path), { folder: own, port, host }))
  }
  const fetched = join(folder, 'fetched')
  const partBytes = Math.ceil(original.size / sources.length)
  const fetchPart = async ({ address }: ProcessHost, index: number): Promise<void> => {
    const range = `${index * partBytes}-${(index + 1) * partBytes - 1}`
    const words = ['--silent', '--show-error', '--fail', '--range', range]
    const output = ['--output', join(fetched, String(index))]
    const url = `http://${address}:${port}/${original.name}`
    await runToEnd(pathOf('curl'), [...words, ...output, url], downloader)
  }
  const measure = async (): Promise<number> => {
    await mkdir(fetched)
    await flushDisk()
    const seconds = await secondsOf(() => Promise.all(sources.map(fetchPart)))
    const whole = join(fetched, 'whole')
    for (const index of sources.keys())
      await appendFile(whole, createReadStream(join(fetched, String(index))))
    await checkFile(original, whole)
    await rm(fetched, { recursive: true })
    return seconds
  }
  const started = starting.move()
  return { measure, [Symbol.asyncDispose]: () => started.disposeAsync() }
}
