import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../common/clock.ts'
import { errorTable } from '../../common/error-table.ts'
import { AppError, errorToWire, reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { ApiError } from '../api.ts'
import type { Web } from './routes.ts'
import { discardRest } from './upload.ts'

/** The answer for an error: its code and details, and a sentence for people. */
function toApiError(error: AppError): ApiError {
  return { ...errorToWire(error), message: error.message }
}

/** Makes every failure of the API an {@link ApiError} with the status of the error table. */
export function answerErrors(web: Web, { log, clock }: { log: Log; clock: Clock }): void {
  const refuse = (error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    discardRest(request, reply, clock)
    return reply.code(errorTable[error.code].status).send(toApiError(error))
  }
  web.setErrorHandler(async (thrown, request, reply) => {
    const error = explained(thrown)
    if (error.code === 'INTERNAL')
      log.error({ error: thrown, method: request.method, url: request.url }, 'request failed')
    return await refuse(error, request, reply)
  })
  web.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0]?.slice(0, 200) ?? ''
    return await refuse(
      new AppError('ROUTE_NOT_FOUND', { method: request.method, path }),
      request,
      reply,
    )
  })
}

/** The one refusal that comes before there is a route, and so an error handler: an address that cannot be decoded. */
export function answerBadUrl(thrown: unknown, _request: unknown, reply: FastifyReply): void {
  const error = new AppError('BAD_REQUEST', { path: 'url', reason: reasonOf(thrown) })
  reply.code(errorTable[error.code].status).send(toApiError(error))
}

/** Fastify's own complaints in our words; anything unknown is INTERNAL. */
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
