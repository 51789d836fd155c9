/** Clusters whose HTTP servers speak HTTPS, because other machines could reach them. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { quickSettings } from './quick-settings.ts'
import type { TandemProcess } from './tandem-process.ts'

/**
 * Settings of a cluster that secures itself, whose index serves HTTPS.
 * @param folder in which the index keeps a join token for the peers
 */
export function securedSettings(folder: string): {
  readonly index: Readonly<Record<string, unknown>>
  readonly peer: Readonly<Record<string, unknown>>
} {
  const tokenOut = join(folder, 'token')
  return {
    index: { ...quickSettings.index, httpHost: '0.0.0.0', secure: true, tokenOut },
    peer: { ...quickSettings.peer, joinFile: tokenOut },
  }
}

/** The URL of a process that serves HTTPS. */
export function httpsUrl({ apiUrl }: TandemProcess, path = '/'): URL {
  return new URL(path, `https://${apiUrl.host}`)
}

/** The file of the authority's certificate at a peer. */
export function authorityFile({ dataFolder }: TandemProcess): string {
  return join(dataFolder, '.tandem/cluster/ca.pem')
}

/** Asks over HTTPS. @param ca the only authority that is trusted, PEM */
export async function askHttps(
  url: URL,
  { ca, authorization = '' }: { ca: string | Buffer; authorization?: string },
): Promise<{ status: number; body: string }> {
  const request = httpsRequest(url, { ca, agent: false, headers: { authorization } }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, body: await text(response) }
}

/** The certificate of the authority. */
export async function authorityOf(peer: TandemProcess): Promise<Buffer> {
  return await readFile(authorityFile(peer))
}
