/** Failures of calls, with a sentence for people. */

/** A peer's error: problem details (RFC 9457) with a code of the error table. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: string
  readonly status: number
  readonly isRetryable: boolean

  constructor(
    message: string,
    { code, status, isRetryable }: { code: string; status: number; isRetryable: boolean },
  ) {
    super(message)
    this.code = code
    this.status = status
    this.isRetryable = isRetryable
  }
}

type Fields = Readonly<Record<string, unknown>>

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** @param body the parsed body of a failed reply, or undefined if it is not JSON */
export function problemOf(status: number, body: unknown): Problem {
  const fields: Fields = typeof body === 'object' && body !== null ? (body as Fields) : {}
  const message =
    textOf(fields['detail']) ??
    textOf(fields['message']) ??
    textOf(fields['title']) ??
    `The peer answered with status ${status}.`
  return new Problem(message, {
    code: textOf(fields['code']) ?? 'INTERNAL',
    status,
    isRetryable: fields['retryable'] === true,
  })
}

export function unreachable(): Problem {
  return new Problem('The peer does not answer. Is it running?', {
    code: 'PEER_UNREACHABLE',
    status: 0,
    isRetryable: true,
  })
}

/** The sentence to show for anything thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error && error.message !== ''
    ? error.message
    : 'The operation failed without giving a reason.'
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Problem && error.code === code
}

/** Whether a call ended because its caller no longer wanted it. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
