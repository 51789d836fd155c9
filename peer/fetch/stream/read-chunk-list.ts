import { chunkCountFor, chunkRootOf } from '../../../common/content/chunks.ts'
import { AppError } from '../../../common/errors.ts'
import type { FoundContent } from '../../../common/protocol/messages.ts'
import { PeerSource } from '../source/peer-source.ts'
import type { CrewDependencies } from '../transfer/source-crew.ts'

/** Sources asked for a chunk list: with all of them away, a client would wait too long. */
const sourcesAsked = 3

/**
 * The chunk list of a content, from one of its sources.
 * @throws AppError NO_SOURCE; or the signal's reason
 */
export async function readChunkList(
  { sources, ...content }: FoundContent,
  name: string,
  dependencies: Pick<CrewDependencies, 'pool' | 'clock' | 'onReceived' | 'onBlamed'>,
  signal: AbortSignal,
): Promise<Buffer> {
  if (chunkCountFor(content.size) === 1) return Buffer.from(content.chunkRoot, 'hex')
  const failures: string[] = []
  for (const source of sources.slice(0, sourcesAsked)) {
    using peer = new PeerSource({ source, content, purpose: 'download', signal }, dependencies)
    try {
      const chunkList = await peer.chunkList()
      if (chunkRootOf(chunkList) === content.chunkRoot) return chunkList
      dependencies.onBlamed(source, content)
      failures.push(`${peer.label} sent a wrong chunk list`)
    } catch (error) {
      signal.throwIfAborted()
      failures.push((error as Error).message)
    }
  }
  throw new AppError('NO_SOURCE', { name, tried: failures.join('; ') })
}
