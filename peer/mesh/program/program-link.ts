import type { ClientRequest } from 'node:http'
import type { Clock } from '../../../common/clock.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { type ProgramCaller, requestProgram } from '../../../common/request-program.ts'
import { RequestMeter } from '../request-meter.ts'
import type { Program } from './programs.ts'

interface Dependencies {
  readonly clock: Clock
  /** In a secured cluster, whose authority must have issued the certificates of programs. */
  readonly identity?: ProgramCaller
}

/** Requests to one program: those of a busy mesh. */
const rate = { perSecond: 20, burst: 50, keysMax: 1_000 }
const requestMs = 5_000
/** Requests to all programs at the same time. */
const openMax = 32

/** Sends JSON to programs. Answers are not read: programs answer with requests of their own. */
export class ProgramLink {
  readonly #clock: Clock
  readonly #meter: RequestMeter
  readonly #identity: Dependencies['identity']
  #open = 0

  constructor({ clock, identity }: Dependencies) {
    this.#clock = clock
    this.#identity = identity
    this.#meter = new RequestMeter(rate, { clock })
  }

  /**
   * @throws AppError BUSY if there are too many requests; DIAL_FAILED, DEADLINE_EXCEEDED or BAD_REPLY
   *   if the program does not take it; the signal's reason
   */
  async post(
    { url }: Pick<Program, 'url'>,
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#open >= openMax || !this.#meter.accepts(url)) throw new AppError('BUSY')
    this.#open += 1
    try {
      const deadline = { what: `Telling ${url}`, deadlineMs: requestMs, signal }
      const target = new URL(path, url)
      const status = await withDeadline(deadline, this.#clock, async (inTime) => {
        const options = { method: 'POST', signal: inTime }
        const request = requestProgram(target, options, this.#identity)
        const told = { address: target.host, signal: inTime }
        return await statusOf(request, JSON.stringify(body), told)
      })
      if (status < 200 || status > 299)
        throw new AppError('BAD_REPLY', { address: url, request: path, reason: `HTTP ${status}` })
    } finally {
      this.#open -= 1
    }
  }
}

async function statusOf(
  request: ClientRequest,
  json: string,
  { address, signal }: { address: string; signal: AbortSignal },
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  request.setHeader('content-type', 'application/json')
  request.setHeader('content-length', Buffer.byteLength(json))
  request.on('error', (error) => {
    const details = { address, reason: reasonOf(error) }
    reject(signal.aborted ? error : new AppError('DIAL_FAILED', details, { cause: error }))
  })
  request.on('response', (response) => {
    resolve(response.statusCode ?? 0)
    response.destroy()
  })
  request.end(json)
  return await promise
}
