import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorTable } from '../common/error-table.ts'
import { AppError, reasonOf, systemErrorCode, toAppError } from '../common/errors.ts'
import { answerClientError } from '../common/http-errors.ts'
import { guardedServerOptions, guardHttp } from '../common/http-guard.ts'
import { checkHost } from '../common/http-host.ts'
import { errorDescribedAt, problemOf, problemType } from '../common/http-problem.ts'
import type { HttpPlace } from '../common/http-url.ts'
import { createWebServer, type WebServerDependencies } from '../common/https-server.ts'
import { deadlines } from '../common/limits.ts'
import type { Log } from '../common/log.ts'
import { type Address, formatAddress } from '../common/protocol/transport.ts'

export interface HealthDependencies extends WebServerDependencies {
  /**
   * Resolves if the index can answer, with the reason if it is degraded; rejects if it is
   * unhealthy.
   */
  readonly check: () => Promise<string | undefined>
  readonly metrics: { readonly contentType: string; text(): Promise<string> }
  readonly log: Log
}

export interface HealthOptions extends Address {
  /** Host names by which it may be called, besides localhost and addresses. */
  readonly allowedHosts: readonly string[]
}

export interface HealthServer extends AsyncDisposable {
  readonly address: HttpPlace
}

/**
 * Serves GET /healthz (alive), /readyz (able to do all its work) and /metrics for monitoring.
 * @throws AppError ADDRESS_IN_USE, DIAL_FAILED if the address is unavailable
 */
export async function startHealthServer(
  { allowedHosts, ...address }: HealthOptions,
  dependencies: HealthDependencies,
): Promise<HealthServer> {
  const ownNames = new Set(allowedHosts.map((name) => name.toLowerCase()))
  const options = { ...guardedServerOptions, requestTimeout: deadlines.requestMs }
  const server = createWebServer(options, dependencies)
  server.on('clientError', answerClientError)
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response, ownNames, dependencies).catch((error: unknown) => {
      dependencies.log.error({ error, url: request.url }, 'health request failed')
      response.destroy()
    })
  }
  guardHttp(server, handle, dependencies)
  await listen(server, address)
  const { port } = server.address() as AddressInfo
  const isSecure = dependencies.identity !== undefined
  let closed: Promise<void> | undefined
  return {
    address: { host: address.host, port, ...(isSecure && { isSecure }) },
    [Symbol.asyncDispose]: () => (closed ??= close(server)),
  }
}

async function listen(server: Server, address: Address): Promise<void> {
  try {
    server.listen(address.port, address.host)
    await once(server, 'listening')
  } catch (error) {
    const details = { address: formatAddress(address) }
    if (systemErrorCode(error) === 'EADDRINUSE')
      throw new AppError('ADDRESS_IN_USE', { ...details, flag: '--http-port' }, { cause: error })
    throw new AppError('DIAL_FAILED', { ...details, reason: reasonOf(error) }, { cause: error })
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

async function answer(
  { method = '', url = '', headers }: IncomingMessage,
  response: ServerResponse,
  ownNames: ReadonlySet<string>,
  { check, metrics, log }: HealthDependencies,
): Promise<void> {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
    response.end(method === 'HEAD' ? undefined : body)
  }
  const json = (status: number, body: object, type = 'application/json'): void =>
    send(status, type, `${JSON.stringify(body)}\n`)
  const refuse = (error: AppError): void =>
    json(errorTable[error.code].status, problemOf(error, { url }), problemType)
  try {
    checkHost(headers.host, ownNames)
  } catch (error) {
    return refuse(toAppError(error))
  }
  const isRead = method === 'GET' || method === 'HEAD'
  const description = errorDescribedAt(url)
  if (isRead && description !== undefined) return json(200, description)
  if (!isRead || !['/metrics', '/healthz', '/readyz'].includes(url))
    return refuse(routeNotFound(method, url))
  if (url === '/metrics') return send(200, metrics.contentType, await metrics.text())
  try {
    const degraded = await check()
    if (url === '/healthz') {
      // Ending the process would not help, and it still answers lookups.
      if (degraded === undefined) json(200, { status: 'ok' })
      else json(200, { status: 'degraded', reason: degraded })
    } else if (degraded === undefined) json(200, { status: 'ready' })
    else refuse(new AppError('NOT_READY', { reason: degraded }))
  } catch (error) {
    const reason = reasonOf(error)
    log.warn({ reason }, 'the index is not healthy')
    if (url === '/readyz') refuse(new AppError('NOT_READY', { reason }))
    else json(503, { status: 'failed', reason })
  }
}

function routeNotFound(method: string, url: string): AppError {
  const hint = 'it answers GET /healthz, /readyz and /metrics'
  return new AppError('ROUTE_NOT_FOUND', { method, path: url.slice(0, 200), hint })
}
