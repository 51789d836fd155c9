/**
 * WebDAV at /dav/ (RFC 4918, classes 1 and 2; docs/decisions/0037): the names of the cluster, of which
 * those on disk in this peer's shared/ can be changed.
 *
 *   request -> davRequestOf -> one of the methods -> preconditions -> Drive (what is there), parts (do it)
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasCode } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import { hostKeyOf } from '../../../common/protocol/host-share.ts'
import type { Random } from '../../../common/random.ts'
import { Permits } from '../files/permits.ts'
import { clientSignal, type Web } from '../routes.ts'
import { announcedBytes, discardRest, uploadedBytes } from '../upload.ts'
import { copyOrMove } from './copy-and-move.ts'
import type { DavParts } from './dav-parts.ts'
import { davPath } from './dav-path.ts'
import { DavRefusal, xmlType } from './dav-refusal.ts'
import { type DavRequest, davRequestOf } from './dav-request.ts'
import { DeadProperties } from './dead-properties.ts'
import { type ClusterFolders, Drive } from './drive.ts'
import { get } from './get-method.ts'
import { lock, unlock } from './lock-methods.ts'
import { LockTable } from './lock-table.ts'
import { changeProperties, findProperties } from './property-methods.ts'
import type { SharedFiles } from './shared-files.ts'
import { makeCollection, put, remove } from './write-methods.ts'

/** What the door needs of the peer. */
export interface DavFiles extends Pick<DavParts, 'fetchCopy' | 'readUnread' | 'sources' | 'store'> {
  readonly tree: SharedFiles
  readonly random: Random
  /** Of the database with what clients store about files. */
  readonly propertiesPath: string
}

interface DavDependencies {
  readonly api: ClusterFolders
  readonly files: DavFiles
  readonly clock: DavParts['clock']
  readonly log: Log
  readonly sender: DavParts['sender']
}

type Method = (asked: DavRequest, parts: DavParts) => Promise<unknown>

const methods = {
  OPTIONS: async ({ reply }) => await reply.code(200).send(),
  GET: get,
  HEAD: get,
  PUT: put,
  DELETE: remove,
  MKCOL: makeCollection,
  COPY: async (asked, parts) => await copyOrMove(asked, parts, { moves: false }),
  MOVE: async (asked, parts) => await copyOrMove(asked, parts, { moves: true }),
  PROPFIND: findProperties,
  PROPPATCH: changeProperties,
  LOCK: lock,
  UNLOCK: unlock,
} as const satisfies Readonly<Record<string, Method>>

/** They may work for long before they answer; all others send what they have. */
const slowMethods: ReadonlySet<string> = new Set(['PUT', 'DELETE', 'COPY', 'MOVE'])

const allowed = Object.keys(methods).join(', ')

/** In a scope of its own: bodies are streams, and answers are XML. */
export async function addDav(
  web: Web,
  { api, files, sender, clock, log }: DavDependencies,
): Promise<void> {
  const { tree } = files
  const properties = new DeadProperties(files.propertiesPath, { clock, log })
  const parts: DavParts = {
    ...files,
    drive: new Drive({ cluster: api, tree }),
    sender,
    locks: new LockTable({ clock, random: files.random }),
    properties,
    clock,
  }
  for (const method of Object.keys(methods))
    if (!isUsual(method)) web.addHttpMethod(method, { hasBody: true })
  const running = new Permits(limits.davRequestsMax)
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    using _ = running.take(hostKeyOf(request.ip))
    return await answer(request, reply, parts)
  }
  await web.register(async (scope: Web) => {
    scope.addHook('onClose', () => properties[Symbol.dispose]())
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.setErrorHandler(async (error, request, reply) => {
      const refusal = refusalOf(error)
      if (refusal === undefined) throw error
      discardRest(request, reply, clock)
      if (refusal.status === 405) reply.header('allow', allowed)
      return await reply.code(refusal.status).type(xmlType).send(refusal.xml)
    })
    for (const url of [davPath, `${davPath}/*`])
      scope.route({ method: Object.keys(methods), url, schema: { hide: true }, handler })
  })
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: DavParts,
): Promise<unknown> {
  reply.headers({ dav: '1, 2', 'ms-author-via': 'DAV' })
  const method = request.method as keyof typeof methods
  // While a large folder is copied the connection is silent, not idle: a listener keeps it open.
  if (slowMethods.has(method)) reply.raw.on('timeout', () => {})
  if (method === 'OPTIONS') reply.header('allow', allowed)
  const asked = davRequestOf({
    request,
    reply,
    signal: clientSignal(reply),
    bytes: uploadedBytes(request, reply, parts),
    bytesAnnounced: announcedBytes(request),
  })
  return await methods[method](asked, parts)
}

function refusalOf(error: unknown): DavRefusal | undefined {
  if (error instanceof DavRefusal) return error
  // A file appeared after the conditions were checked.
  return hasCode(error, 'NAME_EXISTS') ? new DavRefusal(412, error.message) : undefined
}

function isUsual(method: string): boolean {
  return ['OPTIONS', 'GET', 'HEAD', 'PUT', 'DELETE'].includes(method)
}
