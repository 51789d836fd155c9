import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { errorTable } from '../common/error-table.ts'
import { parseEnvelope, replyFrame, requestFrame } from '../common/protocol/envelope.ts'
import { messages, messageTypes } from '../common/protocol/messages.ts'
import { parseReply, parseRequest } from '../common/protocol/validate.ts'
import { protocolDocument } from './protocol-document.ts'
import { examples } from './protocol-examples.ts'

const template = await readFile(new URL('protocol.template.md', import.meta.url), 'utf8')
const document = protocolDocument(template)

describe.each(messageTypes)('the example of %s', (type) => {
  const { request, reply, bytes } = examples[type] as (typeof examples)['read']

  test('fits the schemas', () => {
    expect(parseRequest(type, request)).toEqual(request)
    expect(parseReply(type, reply, 'the example')).toEqual(reply)
  })

  test('fits a frame, and has bytes exactly if the message is bulk', () => {
    const bodyOf = (frame: Buffer): Buffer => frame.subarray(4)
    expect(parseEnvelope(bodyOf(requestFrame(7, type, request)))).toMatchObject({ id: 7, type })
    expect(parseEnvelope(bodyOf(replyFrame(7, reply, bytes)))).toMatchObject({ re: 7 })
    expect(bytes !== undefined).toBe(messages[type].bulk)
  })

  test('has its heading', () => {
    expect(document).toContain(`\n### ${type}\n`)
  })
})

test('every error code has its row', () => {
  for (const code of Object.keys(errorTable)) expect(document).toContain(`\n| \`${code}\` | `)
})

test('links inside the page lead somewhere', () => {
  const headings = Array.from(document.matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading.toLowerCase().replaceAll(' ', '-'),
  )
  for (const [, anchor = ''] of document.matchAll(/\]\(#([\w-]+)\)/g))
    expect(headings).toContain(anchor)
})

test('an unknown mark is an error of the template', () => {
  expect(() => protocolDocument('{{limit:nothing}}')).toThrow('unknown mark limit:nothing')
})
