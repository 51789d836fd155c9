/** Parts that the examples of several calls have. */
import type { CallName, CallReply, CallRequest } from '../../api/calls.ts'

/** What a client sends, without fields that keep their defaults, and the main answer. */
export interface CallExample<Name extends CallName> {
  readonly request?: Partial<Omit<CallRequest<Name>, 'bytes' | 'bytesAnnounced'>>
  readonly reply: CallReply<Name> extends void ? undefined : CallReply<Name>
}

export type CallExamples<Name extends CallName> = { readonly [N in Name]: CallExample<N> }

export const name = 'photos/2026/lake.jpg'
export const sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'
export const oldSha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
export const size = 4_194_304
export const chunkRoot = '3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea'
/** The end of January 2026. */
export const timeMs = 1_769_817_600_000
export const owner = 'peer1'
export const host = '192.0.2.1'
export const source = { peerId: owner, host, port: 7_100 }
