/**
 * `npm run test:download`: downloads a small and a larger file of peer1 through the HTTP API of a peer
 * on this machine, and checks them against the lookup. Exits with 0 when all is well and with 1 if not.
 */
import { Command } from 'commander'
import { systemClock } from '../common/clock.ts'
import { hashFile } from '../common/content/hash.ts'
import { AppError, hasCode } from '../common/errors.ts'
import { downloadToEnd } from '../peer/api/download-to-end.ts'
import type { Lookup } from '../peer/api/file-shapes.ts'
import { type HttpPeer, openHttpPeer } from '../peer/api/http-peer.ts'
import { locatePeer } from './client-commands.ts'
import { runScript } from './run-script.ts'

const names = ['peer1_kb_0001.txt', 'peer1_mb_0001.bin']
/** Peers that have just started announce their files within seconds. */
const announcedWithinMs = 30_000
const lookEveryMs = 500

const options = new Command('test-download')
  .description('Downloads two files of peer1 through a peer of this machine and checks them.')
  .option('--peer <id>', 'the peer that downloads (default: as configured, or peer1)')
  .parse()
  .opts<{ peer?: string }>()

await runScript(async () => {
  const place = await locatePeer(options)
  const { url, peerId } = place
  using api = openHttpPeer(place, { clock: systemClock })
  console.log(`${peerId}, ${url.origin}`)
  for (const name of names) await check(api, name)
  console.log(`${names.length} files downloaded and checked`)
})

/** @throws AppError HASH_MISMATCH when the file is not the one that was looked up */
async function check(api: HttpPeer, name: string): Promise<void> {
  const [file] = (await lookupSoon(api, name)).files
  if (file === undefined) throw new AppError('NAME_NOT_FOUND', { name })
  const sources = file.sources.map(({ peerId, host, port }) => `${peerId} @ ${host}:${port}`)
  console.log(`${name}: ${file.size} bytes, SHA-256 ${file.sha256}, at ${sources.join(', ')}`)

  const { path, seconds, sources: used } = await downloadToEnd(api, { name, sha256: file.sha256 })
  const from = used.map(({ peerId }) => peerId).join(', ') || 'a local copy'
  console.log(`  downloaded from ${from} in ${seconds.toFixed(3)} s -> ${path}`)

  const { content } = await hashFile(path)
  if (content.sha256 !== file.sha256 || content.size !== file.size)
    throw new AppError('HASH_MISMATCH', { source: from, what: path })
  console.log('  its SHA-256 is the one that was looked up')
}

async function lookupSoon(api: HttpPeer, name: string): Promise<Lookup> {
  const endMs = systemClock.monotonicMs() + announcedWithinMs
  for (;;) {
    try {
      return await api.lookup({ name })
    } catch (error) {
      if (!hasCode(error, 'NAME_NOT_FOUND') || systemClock.monotonicMs() > endMs) throw error
      await systemClock.sleep(lookEveryMs)
    }
  }
}
