import type { MessageType, ReplyOf } from './messages.ts'

/**
 * A reply as its JSON, which may be kept and sent many times. It is text and no buffer: a small buffer is
 * a part of a larger one, which it would keep in memory.
 */
export class EncodedReply<T extends MessageType> {
  readonly json: string

  /** @param json the text of one JSON value that matches the reply's schema */
  constructor(json: string) {
    this.json = json
  }

  decode(): ReplyOf<T> {
    return JSON.parse(this.json) as ReplyOf<T>
  }
}
