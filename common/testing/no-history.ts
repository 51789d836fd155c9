import type { ReplyOf } from '../protocol/messages.ts'

/** The handlers of a peer without a history. */
export const noHistory = {
  'past-transfers': async (): Promise<ReplyOf<'past-transfers'>> => ({
    transfers: [],
    isMore: false,
  }),
  'past-queries': async (): Promise<ReplyOf<'past-queries'>> => ({ queries: [], isMore: false }),
} as const
