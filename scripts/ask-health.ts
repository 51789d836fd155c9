import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { systemClock } from '../common/clock.ts'
import { withDeadline } from '../common/deadline.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { deadlines } from '../common/limits.ts'
import { distrustOf, type HttpsTrust, tlsOptionsOf } from '../peer/api/https-trust.ts'

/** A process that answers /healthz. */
export interface AskedForHealth {
  readonly name: string
  readonly url: URL
  readonly trust?: HttpsTrust | undefined
}

/** @throws AppError UNHEALTHY if it does not say that it is alive, SERVER_UNPROVEN */
export async function healthText({ name, url, trust }: AskedForHealth): Promise<string> {
  const unhealthy = (reason: string, cause?: unknown): AppError =>
    new AppError('UNHEALTHY', { process: name, reason }, { cause })
  try {
    const deadline = { what: 'GET /healthz', deadlineMs: deadlines.requestMs }
    const { status, body } = await withDeadline(deadline, systemClock, (signal) =>
      answerTo(new URL('/healthz', url), trust, signal),
    )
    if (status === 307) throw new AppError('HTTPS_REQUIRED')
    if (status !== 200) throw unhealthy(`it answers with status ${status}`)
    const { status: state } = JSON.parse(body) as { status?: unknown }
    return `${name} is alive: ${String(state)}`
  } catch (error) {
    if (error instanceof AppError) throw error
    const reason = distrustOf(error)
    if (reason === undefined) throw unhealthy(reasonOf(error), error)
    const details = { address: url.host, expected: trust?.memberId ?? url.hostname, reason }
    throw new AppError('SERVER_UNPROVEN', details, { cause: error })
  }
}

async function answerTo(
  url: URL,
  trust: HttpsTrust | undefined,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  const request = requestTo(url, trust, signal)
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, body: await text(response) }
}

function requestTo(url: URL, trust: HttpsTrust | undefined, signal: AbortSignal): ClientRequest {
  const options = { agent: false, signal }
  return url.protocol === 'https:'
    ? process
        .getBuiltinModule('node:https')
        .request(url, { ...options, ...(trust && tlsOptionsOf(trust)) })
    : process.getBuiltinModule('node:http').request(url, options)
}
