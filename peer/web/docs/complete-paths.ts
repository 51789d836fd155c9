/** Adds what the schemas of routes cannot express: examples, links to next pages, the stream, and the doors. */
import type { CallName, CallRow } from '../../api/calls.ts'
import { calls } from '../../api/calls.ts'
import { callExamples } from './call-examples.ts'
import { doorOperations } from './door-operations.ts'
import { timeMs } from './example.ts'
import type { Media, Operation, Parameter, Paths, Response } from './open-api-types.ts'

const json = 'application/json'
const rows: Readonly<Record<string, CallRow>> = calls

/** @param routes the paths as derived from the schemas of the routes */
export function completePaths(routes: Paths): Paths {
  const called = Object.entries(routes).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [method, completed(operation)]),
    ),
  ])
  return { ...(Object.fromEntries(called) as Paths), ...doorOperations }
}

function completed(operation: Operation): Operation {
  const row = rows[operation.operationId]
  const { parameters, responses } = operation
  const answered = {
    ...operation,
    ...(parameters && { parameters: parameters.map(optionalIfDefault) }),
    responses: withDescriptions(responses, row),
  }
  if (row === undefined) return answered
  const named = withExamples(answered, operation.operationId as CallName)
  return operation.operationId === 'events' ? withStream(named) : named
}

/** For the server a field with a default is always present; a client need not send it. */
function optionalIfDefault(parameter: Parameter): Parameter {
  return 'default' in parameter.schema ? { ...parameter, required: false } : parameter
}

function withDescriptions(
  responses: Operation['responses'],
  row: CallRow | undefined,
): Operation['responses'] {
  const described = Object.entries(responses).map(([status, response]): [string, Response] => {
    if (status === 'default') return [status, response]
    const { content } = response
    if (row?.reply === undefined) return [status, { description: 'Done.' }]
    if (row.page === undefined) return [status, { ...response, description: 'The answer.' }]
    const link = {
      description: 'With `rel="next"`: the address of the next page, if there is one.',
      schema: { type: 'string' },
    }
    return [
      status,
      { description: 'A page of rows.', headers: { Link: link }, ...(content && { content }) },
    ]
  })
  return Object.fromEntries(described)
}

function withExamples(operation: Operation, name: CallName): Operation {
  const { parameters, requestBody, responses } = operation
  const example = callExamples[name]
  const request = (example.request ?? {}) as Readonly<Record<string, unknown>>
  const { body } = rows[name] ?? {}
  const sent = body && picked(request, Object.keys(body.properties))
  return {
    ...operation,
    ...(parameters && { parameters: parameters.map((one) => withValue(one, request[one.name])) }),
    ...(requestBody &&
      sent && {
        requestBody: { ...requestBody, content: withExample(requestBody.content, sent) },
      }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, response]) => [
        status,
        status === 'default' || response.content === undefined
          ? response
          : { ...response, content: withExample(response.content, replyBody(name)) },
      ]),
    ),
  }
}

/** What the answer has as its body: of a page, only the rows. */
function replyBody(name: CallName): unknown {
  const { page } = rows[name] ?? {}
  const { reply } = callExamples[name]
  return page === undefined ? reply : (reply as unknown as Record<string, unknown>)[page]
}

function withValue(parameter: Parameter, example: unknown): Parameter {
  return example === undefined ? parameter : { ...parameter, example }
}

function withExample(
  content: Readonly<Record<string, Media>>,
  example: unknown,
): Readonly<Record<string, Media>> {
  const media = content[json]
  return media === undefined ? content : { ...content, [json]: { ...media, example } }
}

function picked(fields: Readonly<Record<string, unknown>>, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)))
}

const lastEventId: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'Of a stream: the `id` of the last event that arrived, after which it continues.',
  schema: { type: 'string' },
}
const streamExample = [
  'event: hello',
  'data: {"peerId":"peer1"}',
  '',
  'event: files',
  `data: {"version":${timeMs}}`,
  '',
  '',
].join('\n')

/** The answer to a client that accepts a stream. */
function withStream(operation: Operation): Operation {
  const { parameters = [], responses } = operation
  const { '200': page = { description: '' }, ...others } = responses
  const stream = { schema: { type: 'string' }, example: streamExample }
  return {
    ...operation,
    parameters: [...parameters, lastEventId],
    responses: {
      '200': { ...page, content: { ...page.content, 'text/event-stream': stream } },
      ...others,
    },
  }
}
