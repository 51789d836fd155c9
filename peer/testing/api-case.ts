import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { ErrorCode } from '../../common/error-table.ts'
import { AppError } from '../../common/errors.ts'
import type { PeerApi } from '../api/calls.ts'

/** peer1, in a cluster with peer2, which is live, and with files in their shared/ folders. */
export interface ContractSubject extends AsyncDisposable {
  readonly api: PeerApi
  /** A file in shared/ that is a broken link, and so a problem. */
  readonly brokenLink: string
  /** Changes a byte of a file in shared/ of peer1 on its disk, without a trace. */
  readonly damage: (name: string) => Promise<void>
  /** Has peer2 share a file. */
  readonly shareElsewhere: (name: string, text: string) => Promise<void>
  /** The name of a file that the index knows and no live peer has. */
  readonly fileWithoutSource: () => Promise<string>
}

/** Declares the tests of a call; the subject is there when they run. */
export type DeclareTests = (subject: () => ContractSubject) => void

/** Some with characters that mean something in a URL. */
export const names = [
  'plain.txt',
  'photos/2026/a b.jpg',
  '100%.txt',
  'a%2Fb.txt',
  'a+b&c=d?e#f.txt',
  'żółw 🐢.bin',
  'it\'s "quoted".txt',
] as const

export function failing(
  subject: () => ContractSubject,
  code: ErrorCode,
  what: string,
  work: (subject: ContractSubject) => Promise<unknown>,
): void {
  test(`fails with ${code} ${what}`, async () => {
    expect(await codeOf(work(subject()))).toBe(code)
  })
}

/** Shares a file whose content is its name. */
export async function pushed(api: PeerApi, name: string): Promise<unknown> {
  return await api.push({ name, bytes: inPieces(name), replace: false, wait: false })
}

export async function* inPieces(...pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Undefined when it does not fail. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}
