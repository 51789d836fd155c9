import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../common/clock.ts'
import { type ErrorCode, errorTable } from '../../common/error-table.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import {
  describeError,
  errorDescribedAt,
  errorsPath,
  problemOf,
  problemType,
} from '../../common/http-problem.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Web } from './routes.ts'
import { discardRest } from './upload.ts'

/** Answers every failure with problem details and their status in the error table. */
export function answerErrors(
  web: Web,
  { log, clock, challenge }: { log: Log; clock: Clock; challenge: (url: string) => string },
): void {
  const refuse = (error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    discardRest(request, reply, clock)
    const { retryAfterMs } = error.details
    const { retryAfterSeconds = retryAfterMs && Math.ceil(Number(retryAfterMs) / 1_000) } =
      error.details
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
    if (errorTable[error.code].status === 401)
      reply.header('www-authenticate', challenge(request.url))
    return sendProblem(error, request, reply)
  }
  web.setErrorHandler(async (thrown, request, reply) => {
    const error = explained(thrown)
    if (error.code === 'INTERNAL')
      log.error({ error: thrown, method: request.method, url: request.url }, 'request failed')
    return await refuse(error, request, reply)
  })
  web.setNotFoundHandler(async (request, reply) => {
    return await refuse(routeNotFound(request), request, reply)
  })
}

/** For a URL that cannot be decoded: it has no route, so no error handler. */
export function badUrlAnswer(
  clock: Clock,
): (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (thrown, request, reply) => {
    discardRest(request, reply, clock)
    sendProblem(badEncoding(reasonOf(thrown)), request, reply)
  }
}

/** The types of problems, for people and programs that follow one. */
export function addErrorRoutes(web: Web): void {
  const schema = { hide: true }
  web.get(errorsPath.slice(0, -1), { schema }, async () =>
    (Object.keys(errorTable) as ErrorCode[]).map(describeError),
  )
  web.get(`${errorsPath}:code`, { schema }, async (request) => {
    const description = errorDescribedAt(pathOf(request))
    if (description === undefined) throw routeNotFound(request)
    return description
  })
}

/** The only place that writes an error response of a route. */
function sendProblem(error: AppError, { url }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, { url })
  return reply.code(problem.status).type(problemType).send(problem)
}

function routeNotFound(request: FastifyRequest): AppError {
  const hint = 'GET /api/openapi.json lists all routes'
  const path = pathOf(request).slice(0, 200)
  return new AppError('ROUTE_NOT_FOUND', { method: request.method, path, hint })
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? ''
}

/**
 * Refuses invalid percent-encoding, even if a lenient parser would accept it.
 * @throws AppError BAD_REQUEST
 */
export function checkEncoding(url: string): void {
  try {
    decodeURIComponent(url)
  } catch {
    throw badEncoding('its percent-encoding is not valid UTF-8')
  }
}

function badEncoding(reason: string): AppError {
  return new AppError('BAD_REQUEST', { path: 'url', reason })
}

/** Translates Fastify's errors; unknown ones become INTERNAL. */
function explained(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const { statusCode = 500, validation, validationContext, code } = thrown as Partial<FastifyError>
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AppError('TOO_LARGE', {
      what: 'The body',
      max: limits.httpBodyBytesMax,
      unit: 'bytes',
    })
  if (statusCode >= 500) return new AppError('INTERNAL', {}, { cause: thrown })
  const [problem] = validation ?? []
  return new AppError('BAD_REQUEST', {
    path: `${validationContext ?? 'request'}${problem?.instancePath ?? ''}`,
    reason: problem?.message ?? reasonOf(thrown),
  })
}
