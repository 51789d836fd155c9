/** One event of a stream of server-sent events. */
export interface ServerEvent {
  readonly type: string
  readonly data: string
  /** Present if the event has one: where to resume after it. */
  readonly id?: string
}

/** Parses `text/event-stream` from any pieces of it. */
export class EventParser {
  #rest = ''
  #type = ''
  #data: string[] = []
  #id: string | undefined

  /** The events that `piece` completes. */
  push(piece: string): ServerEvent[] {
    // A lone CR at the end may be half of a CR LF.
    const text = this.#rest + piece
    const end = text.endsWith('\r') ? text.length - 1 : text.length
    const lines = text.slice(0, end).split(/\r\n|\r|\n/)
    this.#rest = (lines.pop() ?? '') + text.slice(end)
    return lines.flatMap((line) => this.#take(line))
  }

  #take(line: string): ServerEvent[] {
    if (line === '') return this.#finish()
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#type = value
    if (field === 'data') this.#data.push(value)
    if (field === 'id') this.#id = value
    return []
  }

  #finish(): ServerEvent[] {
    const [type, data, id] = [this.#type, this.#data, this.#id]
    this.#type = ''
    this.#data = []
    this.#id = undefined
    if (data.length === 0) return []
    return [{ type: type || 'message', data: data.join('\n'), ...(id !== undefined && { id }) }]
  }
}
