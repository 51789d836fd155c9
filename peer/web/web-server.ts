import type { RequestListener, Server } from 'node:http'
import { type FastifySchemaCompiler, fastify } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { answerClientError } from '../../common/http-errors.ts'
import { guardedServerOptions, guardHttp } from '../../common/http-guard.ts'
import type { HttpPlace } from '../../common/http-url.ts'
import {
  createWebServer,
  type HttpsIdentity,
  type WebServerDependencies,
} from '../../common/https-server.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { type Address, formatAddress } from '../../common/protocol/transport.ts'
import type { PeerApi } from '../api/calls.ts'
import { checkAccess } from './access.ts'
import { type ApiCaller, apiCallerOf } from './api-caller.ts'
import { addApiDocs } from './api-docs.ts'
import { addBodyPace } from './body-pace.ts'
import { withoutCompilers } from './compilers.ts'
import { challengeFor } from './credentials.ts'
import { addDav, type DavFiles } from './dav/dav-door.ts'
import { addFileDoor } from './files/file-door.ts'
import { FileSender } from './files/file-sender.ts'
import type { FileSources } from './files/file-sources.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import type { LiveSources } from './live/live-feed.ts'
import { addLiveRoutes } from './live/live-routes.ts'
import { addPage, pageFolder } from './page-door.ts'
import { addRateLimit } from './rate-limit.ts'
import { originForm } from './request-target.ts'
import { type ApiOf, addCallRoutes, type Web } from './routes.ts'
import { addSecurityHeaders } from './security-headers.ts'
import { addSessionRoutes } from './session-routes.ts'
import { addErrorRoutes, answerErrors, badUrlAnswer, checkEncoding } from './web-errors.ts'

export interface WebOptions {
  /** Port 0 selects a free one. */
  readonly address: Address
  /** Host names that browsers may use, besides localhost and addresses. */
  readonly allowedHosts: readonly string[]
}

/** What monitoring sees. */
export interface Vitals {
  readonly peerId: string
  health(): Promise<{
    readonly status: 'ok' | 'degraded' | 'failed'
    readonly index: string
    readonly troubles: readonly {
      readonly code: string
      readonly reason: string
      readonly remedy: string
    }[]
    /** Number of files and folders that are not shared. */
    readonly problems: number
  }>
  /** Why it is not ready for requests, as the end of a sentence; undefined if it is. */
  unready(): string | undefined
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> }
}

export interface WebDependencies {
  readonly api: PeerApi
  /** The same for each kind of caller; by default for all. */
  readonly apis?: Readonly<Record<ApiCaller, PeerApi>>
  readonly vitals: Vitals
  /** Absent: every caller of a known host name is let in. */
  readonly gate?: Gatekeeper
  /** Absent: `events` has no stream. */
  readonly live?: LiveSources
  /** Absent: there is no WebDAV. */
  readonly dav?: DavFiles
  /** Absent: it speaks plain HTTP. */
  readonly identity?: HttpsIdentity | undefined
  /** Absent: there are no doors for files. */
  readonly files?: FileSources
  readonly clock: Clock
  readonly log: Log
}

/** The HTTP API. Disposing closes every connection immediately. */
export interface WebServer extends AsyncDisposable {
  readonly address: HttpPlace
}

/** @throws AppError ADDRESS_IN_USE, DIAL_FAILED if the address is unavailable */
export async function startWeb(
  options: WebOptions,
  dependencies: WebDependencies,
): Promise<WebServer> {
  const web = await buildWeb(options, dependencies)
  const { host, port } = options.address
  try {
    await web.listen({ host, port })
  } catch (error) {
    await web.close()
    throw listenError(options.address, error)
  }
  const bound = web.server.address()
  const isSecure = dependencies.identity !== undefined
  return {
    address: {
      host,
      port: typeof bound === 'object' && bound !== null ? bound.port : port,
      ...(isSecure && { isSecure }),
    },
    [Symbol.asyncDispose]: async () => await web.close(),
  }
}

/** The API without a socket. */
export async function buildWeb(
  { allowedHosts }: Pick<WebOptions, 'allowedHosts'>,
  { api, apis, vitals, gate, live, files, dav, identity, clock, log }: WebDependencies,
): Promise<Web> {
  const web = fastify({
    serverFactory: (handler) => newServer(handler, { clock, identity }),
    clientErrorHandler: answerClientError,
    forceCloseConnections: true,
    bodyLimit: limits.httpBodyBytesMax,
    frameworkErrors: badUrlAnswer(clock),
    rewriteUrl: originForm,
    routerOptions: { maxParamLength: 3 * limits.nameBytesMax },
    ...withoutCompilers,
  })
  web.setValidatorCompiler(compileCheck)
  // As fast as a compiled serializer: schemas of answers serve the types and the documentation.
  web.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
  const isSecure = identity !== undefined
  addSecurityHeaders(web, { isSecure })
  await addRateLimit(web)
  const ownNames = new Set(allowedHosts.map((name) => name.toLowerCase()))
  web.addHook('onRequest', async ({ method, headers, url }) => {
    checkAccess({ method, host: headers.host, origin: headers.origin, isSecure }, ownNames)
    checkEncoding(url)
  })
  if (gate?.needsToken === true)
    web.addHook('onRequest', async ({ method, headers, ip: address, routeOptions }) => {
      // Browsers send no token with a preflight, whose answer reveals nothing.
      if (method === 'OPTIONS' && 'access-control-request-method' in headers) return
      await gate.check({ route: routeOptions.url, headers, address })
    })
  addBodyPace(web, { clock })
  answerErrors(web, { log, clock, challenge: (url) => challengeFor(url, vitals.peerId) })
  if (live !== undefined) addLiveRoutes(web, vitals, { live, clock, log })
  const apiOf: ApiOf = (headers) => apis?.[apiCallerOf(headers)] ?? api
  const addRoutes = async (to: Web): Promise<void> => {
    await addCallRoutes(to, { apiOf, clock })
    if (gate !== undefined) addSessionRoutes(to, gate)
  }
  await addRoutes(web)
  addApiDocs(web, addRoutes, { clock, log })
  addErrorRoutes(web)
  addHealthRoutes(web, vitals)
  const sources = files ?? dav?.sources
  // One for all doors: together they are bounded.
  const sender = sources && new FileSender(sources)
  if (files && sender) addFileDoor(web, files, sender)
  addPage(web, { folder: pageFolder })
  if (dav && sender) await addDav(web, { api, files: dav, sender, clock, log })
  await web.ready()
  return web
}

/** Validates a part of a request; parses numbers and booleans of a query, and fills in defaults. */
const compileCheck: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = Compile(schema)
  return (given: unknown) => {
    const value =
      httpPart === 'querystring' ? Value.Convert(schema, Value.Default(schema, given)) : given
    return check.Check(value) ? { value } : { error: check.Errors(value) }
  }
}

/** For monitoring, and the description of the API. */
function addHealthRoutes(web: Web, { peerId, metrics, ...vitals }: Vitals): void {
  const schema = { hide: true }
  web.get('/healthz', { schema }, async (_request, reply) => {
    const { status, index, troubles, problems } = await vitals.health()
    // A peer that lacks its index or a disk still serves: monitoring must not end it for that.
    if (status === 'failed') reply.code(503)
    return { status, peerId, index, problems, reasons: troubles }
  })
  web.get('/readyz', { schema }, async () => {
    const reason = vitals.unready()
    if (reason !== undefined) throw new AppError('NOT_READY', { reason })
    return { status: 'ready', peerId }
  })
  web.get('/metrics', { schema }, async (_request, reply) => {
    reply.type(metrics.contentType)
    return await metrics.metrics()
  })
}

function newServer(handler: RequestListener, dependencies: WebServerDependencies): Server {
  // Uploads have no total deadline; upload.ts detects stalls.
  const server = createWebServer({ ...guardedServerOptions, requestTimeout: 0 }, dependencies)
  guardHttp(server, handler, dependencies)
  return server
}

function listenError(asked: Address, cause: unknown): AppError {
  const address = formatAddress(asked)
  if (systemErrorCode(cause) === 'EADDRINUSE')
    return new AppError('ADDRESS_IN_USE', { address, flag: '--http-port' }, { cause })
  return new AppError('DIAL_FAILED', { address, reason: reasonOf(cause) }, { cause })
}
