import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toAppError } from '../../../common/errors.ts'
import { childElements, parseXml, textIn, type XmlElement, type XmlNode, xmlOf } from './dav-xml.ts'

function parsed(text: string): XmlElement {
  return parseXml(Buffer.from(text))
}

test('names are those of their namespaces, whatever the prefix', () => {
  const root = parsed(
    '<?xml version="1.0"?><a:prop xmlns:a="DAV:" xmlns="urn:x"><a:b/><c d="1" a:e="2">t</c></a:prop>',
  )
  expect(root).toMatchObject({ namespace: 'DAV:', name: 'prop', attributes: [] })
  expect(childElements(root)).toMatchObject([
    { namespace: 'DAV:', name: 'b' },
    {
      namespace: 'urn:x',
      name: 'c',
      children: ['t'],
      attributes: [
        { namespace: '', name: 'd', value: '1' },
        { namespace: 'DAV:', name: 'e', value: '2' },
      ],
    },
  ])
})

test('UTF-16 with a byte order mark is read', () => {
  const text = Buffer.from('\ufeff<a>ż</a>', 'utf16le')
  expect(textIn(parseXml(text))).toBe('ż')
  expect(textIn(parseXml(text.swap16()))).toBe('ż')
})

test.each([
  ['nothing', ''],
  ['no XML', 'text'],
  ['an element that is not closed', '<a>'],
  ['an undeclared prefix', '<a:b/>'],
  ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
  ['an entity', '<a>&b;</a>'],
  ['an external entity', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
  ['an element after the root', '<a/><b/>'],
  ['deep nesting', '<a>'.repeat(40) + '</a>'.repeat(40)],
  ['many elements', `<a>${'<b/>'.repeat(3_000)}</a>`],
  [
    'many attributes',
    `<a ${Array.from({ length: 3_000 }, (_, index) => `b${index}=""`).join(' ')}/>`,
  ],
  ['a long name', `<${'a'.repeat(257)}/>`],
  ['a long namespace', `<a xmlns="urn:${'x'.repeat(257)}"/>`],
  ['a long namespace of an attribute', `<a xmlns:b="urn:${'x'.repeat(257)}" b:c=""/>`],
])('%s is refused', (_, text) => {
  expect(() => parsed(text)).toThrow(/is not accepted as XML/)
})

test('bytes that are not UTF-8 are refused', () => {
  expect(() => parseXml(Buffer.from([0x3c, 0x61, 0xff]))).toThrow(/is not accepted as XML/)
})

const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,5}$/)
const text = fc.string({
  unit: fc.constantFrom('a', '<', '&', '"', '\t', '\n', ' ', 'ż', '😀', "'"),
})
const namespace = fc.constantFrom('', 'DAV:', 'urn:a&b', 'http://x/"')
const { element } = fc.letrec<{ element: XmlElement; node: XmlNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    text.filter((one) => one !== ''),
    tie('element'),
  ),
  element: fc.record({
    namespace,
    name,
    attributes: fc.uniqueArray(fc.record({ namespace, name, value: text }), {
      maxLength: 3,
      selector: (attribute) => attribute.name,
    }),
    children: fc.array(tie('node'), { maxLength: 3 }),
  }),
}))

/** Neighbouring texts are one. */
function joined({ children, ...rest }: XmlElement): XmlElement {
  const merged: XmlNode[] = []
  for (const child of children) {
    const last = merged.at(-1)
    if (typeof child !== 'string') merged.push(joined(child))
    else if (typeof last === 'string') merged[merged.length - 1] = last + child
    else merged.push(child)
  }
  return { ...rest, children: merged }
}

test('what is written is read again', () => {
  fc.assert(
    fc.property(element, (given) => {
      expect(joined(parsed(xmlOf(given)))).toEqual(joined(given))
    }),
  )
})

test('no bytes do anything but parse or be refused', () => {
  const outcomeOf = (bytes: Uint8Array): string => {
    try {
      return typeof parseXml(bytes).name
    } catch (error) {
      return toAppError(error).code
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(['string', 'BAD_REQUEST']).toContain(outcomeOf(bytes))
    }),
  )
})
