import type { ClientRequest, RequestOptions } from 'node:http'
import { AppError } from './errors.ts'
import { isLoopback, normalHost } from './hosts.ts'
import type { HttpsIdentity } from './https-server.ts'

// An import would load all exports, including a whole HTTP client that is seldom used.
const { request: httpRequest } = process.getBuiltinModule('node:http')

/** In a secured cluster, the identity of this process. */
export type ProgramCaller = Pick<HttpsIdentity, 'credentials'> | undefined

/** Whether names and contents would be sent to the URL in plain text over a network. */
export function isInPlainText({ protocol, hostname }: URL): boolean {
  return protocol !== 'https:' && !isLoopback(normalHost(hostname))
}

/**
 * A request to a program that takes part in the mesh; over HTTPS, to one with a certificate of this
 * cluster. A secured cluster sends nothing in plain text over a network.
 * @throws AppError DIAL_FAILED if it would
 */
export function requestProgram(
  url: URL,
  options: RequestOptions,
  identity: ProgramCaller,
): ClientRequest {
  const once = { ...options, agent: false }
  if (url.protocol === 'https:') {
    const { request } = process.getBuiltinModule('node:https')
    const ca = identity?.credentials.ca
    return request(url, { ...once, minVersion: 'TLSv1.3', ...(ca && { ca: [...ca] }) })
  }
  if (identity !== undefined && isInPlainText(url)) {
    const reason = 'it speaks plain HTTP, and the cluster is secured'
    throw new AppError('DIAL_FAILED', { address: url.host, reason })
  }
  return httpRequest(url, once)
}
