import type { Clock } from '../../../common/clock.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { RequestMeter } from '../request-meter.ts'
import type { Program } from './programs.ts'

// An import would load all exports, including a whole HTTP client that is never used.
const { request: httpRequest } = process.getBuiltinModule('node:http')

/** Requests to one program: those of a busy mesh. */
const rate = { perSecond: 20, burst: 50, keysMax: 1_000 }
const requestMs = 5_000
/** Requests to all programs at the same time. */
const openMax = 32

/** Sends JSON to programs. Answers are not read: programs answer with requests of their own. */
export class ProgramLink {
  readonly #clock: Clock
  readonly #meter: RequestMeter
  #open = 0

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
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
      const status = await withDeadline(deadline, this.#clock, (inTime) =>
        statusOf(new URL(path, url), JSON.stringify(body), inTime),
      )
      if (status < 200 || status > 299)
        throw new AppError('BAD_REPLY', { address: url, request: path, reason: `HTTP ${status}` })
    } finally {
      this.#open -= 1
    }
  }
}

async function statusOf(url: URL, json: string, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }
  const request = httpRequest(url, { method: 'POST', headers, agent: false, signal })
  request.on('error', (error) => {
    const details = { address: url.host, reason: reasonOf(error) }
    reject(signal.aborted ? error : new AppError('DIAL_FAILED', details, { cause: error }))
  })
  request.on('response', (response) => {
    resolve(response.statusCode ?? 0)
    response.destroy()
  })
  request.end(json)
  return await promise
}
