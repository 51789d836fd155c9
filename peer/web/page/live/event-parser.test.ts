import { array, assert as check, nat, property } from 'fast-check'
import { expect, test } from 'vitest'
import { EventParser } from './event-parser.ts'

const stream =
  ': a comment\n\nevent: hello\ndata: {"peerId":"peer1"}\n\nid: 7\r\nevent: happened\r\ndata:one\r\ndata: two\r\n\r\ndata: plain\r\rid\ndata\n\nevent: empty\n\nevent: half'
const events = [
  { type: 'hello', data: '{"peerId":"peer1"}' },
  { type: 'happened', data: 'one\ntwo', id: '7' },
  { type: 'message', data: 'plain' },
  { type: 'message', data: '', id: '' },
]

test('any pieces of a stream have the same events', () => {
  check(
    property(array(nat(stream.length), { maxLength: 30 }), (places) => {
      const cuts = [0, ...places.toSorted((a, b) => a - b), stream.length]
      const parser = new EventParser()
      const parsed = cuts
        .slice(1)
        .flatMap((cut, index) => parser.push(stream.slice(cuts[index], cut)))
      expect(parsed).toEqual(events)
    }),
  )
})
