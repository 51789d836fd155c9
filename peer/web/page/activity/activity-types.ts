/** What the activity view shows. */
import type { CallReply } from '../../../api/calls.ts'

export type PastTransfer = CallReply<'history'>['transfers'][number]
export type PastQuery = CallReply<'queries'>['queries'][number]
export type Sample = CallReply<'series'>['samples'][number]
export type EventRow = CallReply<'events'>['events'][number]
