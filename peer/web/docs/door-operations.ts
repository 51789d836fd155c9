/**
 * The parts of the HTTP server that are no calls, as OpenAPI paths: their routes have wildcards and
 * methods that a schema of a route cannot describe.
 */
import { describeError, problemType } from '../../../common/http-problem.ts'
import { ProblemDetails } from '../../api/problem-details.ts'
import { name, sha256 } from './example.ts'
import type { Operation, Parameter, Paths, Response } from './open-api-types.ts'

const text = { type: 'string' } as const
const octets = 'application/octet-stream'
const bytes = { schema: { type: 'string', format: 'binary' } } as const
const error: Response = {
  description: 'An error.',
  content: { [problemType]: { schema: ProblemDetails } },
}
const noBody = (description: string): Response => ({ description })
const body = (description: string, type: string, example?: unknown): Response => ({
  description,
  content: {
    [type]: {
      schema: type === 'application/json' ? { type: 'object' } : text,
      ...(example !== undefined && { example }),
    },
  },
})

const inPath = (parameter: string, description: string, example: string): Parameter => ({
  name: parameter,
  in: 'path',
  required: true,
  description,
  schema: text,
  example,
})
const Hash: Parameter = {
  ...inPath('sha256', 'SHA-256 of the content.', sha256),
  schema: { type: 'string', pattern: '^[0-9a-f]{64}$' },
}
const Name = inPath('name', 'Full name of the file. Its slashes need not be encoded.', name)
const Path = inPath('path', 'A name, or a folder with a slash at its end.', name)

const fileResponses: Operation['responses'] = {
  '200': { description: 'The file.', content: { [octets]: bytes } },
  '206': { description: 'The requested range.', content: { [octets]: bytes } },
  '304': noBody('The file is as the client knows it.'),
  '307': noBody('Another peer has the file: its address.'),
  default: error,
}
const rangeNote =
  'Single and suffix ranges, `If-Range`, `If-Match`, `If-None-Match`. `ETag` is the SHA-256, which is also in `Repr-Digest` and `Digest`; `Link` names other peers that have the file. All bytes are verified before they are sent.'

type Named = Omit<Operation, 'responses' | 'tags'>

function door(named: Named, responses: Operation['responses'], tag = 'Doors'): Operation {
  return { ...named, tags: [tag], responses: { default: error, ...responses } }
}

const byHash = (operationId: string, summary: string): Operation =>
  door({ operationId, summary, description: rangeNote, parameters: [Hash, Name] }, fileResponses)
const byName = (operationId: string, summary: string): Operation =>
  door({ operationId, summary, description: rangeNote, parameters: [Name] }, fileResponses)
const browse = (operationId: string, summary: string): Operation =>
  door(
    { operationId, summary, parameters: [Path] },
    {
      '200': body('The folder as HTML, or the file.', 'text/html'),
      '206': { description: 'The range of a file.', content: { [octets]: bytes } },
      '301': noBody('It is a folder: its address ends with a slash.'),
      '304': noBody('The file is as the client knows it.'),
    },
  )

const davError: Response = {
  description: 'An error: as XML if WebDAV defines it.',
  content: { [problemType]: { schema: ProblemDetails }, 'application/xml': { schema: text } },
}
const dav = (named: Omit<Named, 'parameters'>, responses: Operation['responses']): Operation =>
  door({ ...named, parameters: [Path] }, { ...responses, default: davError })

const fileDoors: Paths = {
  '/files/{sha256}/{name}': {
    get: byHash(
      'fileByHash',
      'Download a content from this peer, or be redirected to a peer that has it',
    ),
    head: byHash('fileFactsByHash', 'The headers of a download by hash'),
    options: door(
      {
        operationId: 'filePreflight',
        summary: 'Let scripts of other sites read files',
        parameters: [Hash, Name],
      },
      { '204': noBody('The methods and headers that are allowed.') },
    ),
  },
  '/files/{sha256}/{name}.meta4': {
    get: door(
      {
        operationId: 'metalink',
        summary: 'A Metalink (RFC 5854) of a file, for `aria2c`',
        description: 'SHA-256 of the file and of its chunks, and all good sources, nearest first.',
        parameters: [Hash, Name],
      },
      { '200': body('The Metalink.', 'application/metalink4+xml') },
    ),
  },
  '/files/{sha256}/{name}.torrent': {
    get: door(
      {
        operationId: 'torrent',
        summary: 'A torrent of a file, with the peers as web seeds (BEP 19)',
        parameters: [Hash, Name],
      },
      { '200': { description: 'The torrent.', content: { 'application/x-bittorrent': bytes } } },
    ),
  },
  '/files/by-name/{name}': {
    get: byName('fileByName', 'Download the current content of a name'),
    head: byName('fileFactsByName', 'The headers of a download by name'),
  },
  '/browse/{path}': {
    get: browse(
      'browse',
      'A folder as plain HTML, for browsers, `rclone` and `wget -r`, or a file',
    ),
    head: browse('browseFacts', 'The headers of a folder or a file'),
  },
}

const davDoor: Paths = {
  '/dav/{path}': {
    get: dav(
      {
        operationId: 'davRead',
        summary: 'Read a file of the drive',
        description:
          'WebDAV (RFC 4918, classes 1 and 2): the names of the cluster as a drive. Also `PROPFIND`, `PROPPATCH`, `MKCOL`, `COPY`, `MOVE`, `LOCK` and `UNLOCK`, which OpenAPI cannot describe. What is in `shared/` of this peer can be changed.',
      },
      {
        '200': { description: 'The file.', content: { [octets]: bytes } },
        '206': { description: 'The requested range.', content: { [octets]: bytes } },
        '302': noBody('It is a folder: its address below `/browse/`.'),
        '304': noBody('The file is as the client knows it.'),
      },
    ),
    put: {
      ...dav(
        { operationId: 'davWrite', summary: 'Write a file into `shared/` of this peer' },
        { '201': noBody('A new file.'), '204': noBody('It replaced a file.') },
      ),
      requestBody: { required: true, content: { [octets]: bytes } },
    },
    delete: dav(
      { operationId: 'davRemove', summary: 'Delete a file or folder of `shared/` of this peer' },
      { '204': noBody('It is gone; its files are in the trash of the cluster.') },
    ),
    options: dav(
      { operationId: 'davMethods', summary: 'The methods of the drive' },
      { '200': noBody('`Allow` and `DAV` name them.') },
    ),
  },
}

const monitoring = (operation: Named, responses: Operation['responses']): Operation =>
  door(operation, responses, 'Monitoring')

const monitoringDoors: Paths = {
  '/healthz': {
    get: {
      ...monitoring(
        {
          operationId: 'healthz',
          summary: 'Whether the process works, and its problems',
          description: '`degraded` is 200: a peer without its index or a disk still serves.',
        },
        {
          '200': body('It works.', 'application/json', {
            status: 'ok',
            peerId: 'peer1',
            index: 'connected',
            problems: 0,
            reasons: [],
          }),
          '503': body('It has failed.', 'application/json'),
        },
      ),
      security: [{}],
    },
  },
  '/readyz': {
    get: {
      ...monitoring(
        { operationId: 'readyz', summary: 'Whether the peer is ready for requests' },
        { '200': body('It is.', 'application/json', { status: 'ready', peerId: 'peer1' }) },
      ),
      security: [{}],
    },
  },
  '/metrics': {
    get: monitoring(
      { operationId: 'metrics', summary: 'Metrics for Prometheus' },
      { '200': body('The metrics.', 'text/plain', 'tandem_peer_sent_bytes_total 1410334720') },
    ),
  },
}

const errorExample = describeError('NAME_NOT_FOUND')
const errorDoors: Paths = {
  '/api/errors': {
    get: door(
      { operationId: 'errors', summary: 'List the codes of all errors' },
      {
        '200': {
          description: 'Each code with its status.',
          content: {
            'application/json': {
              schema: { type: 'array', items: { type: 'object' } },
              example: [errorExample],
            },
          },
        },
      },
      'Session',
    ),
  },
  '/api/errors/{code}': {
    get: door(
      {
        operationId: 'error',
        summary: 'Describe an error',
        parameters: [inPath('code', 'As in `code` of a problem.', errorExample.code)],
      },
      { '200': body('What it means.', 'application/json', errorExample) },
      'Session',
    ),
  },
}

/** All doors, in the order of the documentation. */
export const doorOperations: Paths = {
  ...fileDoors,
  ...davDoor,
  ...monitoringDoors,
  ...errorDoors,
}
