import type { MessageType, ReplyOf } from './messages.ts'

/** A reply as the bytes of its JSON, which may be kept and sent many times. */
export class EncodedReply<T extends MessageType> {
  readonly json: Buffer

  /** @param json the text of one JSON value that matches the reply's schema */
  constructor(json: string) {
    this.json = Buffer.from(json)
  }

  decode(): ReplyOf<T> {
    return JSON.parse(this.json.toString()) as ReplyOf<T>
  }
}
