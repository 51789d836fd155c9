/** Reads and writes the XML of WebDAV: bounded, with namespaces, without entities of its own. */
import { SaxesParser, type SaxesTagNS } from 'saxes'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { escapeXml } from '../escape-xml.ts'

export const davNamespace = 'DAV:'

export interface QualifiedName {
  readonly namespace: string
  readonly name: string
}

export interface XmlElement extends QualifiedName {
  readonly attributes: readonly (QualifiedName & { readonly value: string })[]
  readonly children: readonly XmlNode[]
}
export type XmlNode = XmlElement | string

/** More than any property has. */
const depthMax = 32
/** Elements and attributes. Clients name some thirty properties. */
const partsMax = 2_000
/** Of a name, and of a namespace, which is written again with every name. */
const nameCharactersMax = 256

const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/'

/** A document in UTF-8 or, with a byte order mark, UTF-16. @throws AppError BAD_REQUEST */
export function parseXml(bytes: Uint8Array): XmlElement {
  try {
    return rootOf(textOf(bytes))
  } catch (error) {
    const reason = reasonOf(error).slice(0, 200)
    throw new AppError('BAD_REQUEST', { path: 'body', reason: `is not accepted as XML: ${reason}` })
  }
}

function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  const encoding = isUtf16 ? (first === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8'
  return new TextDecoder(encoding, { fatal: true }).decode(bytes)
}

interface Building extends XmlElement {
  readonly children: XmlNode[]
}

function rootOf(text: string): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: false })
  const open: Building[] = []
  let count = 0
  let root: XmlElement | undefined
  parser.on('error', (error) => {
    throw error
  })
  // It could define entities, and name files.
  parser.on('doctype', () => {
    throw new Error('it has a document type')
  })
  parser.on('opentag', (tag) => {
    const element = { ...nameOf(tag), attributes: attributesOf(tag), children: [] }
    count += 1 + element.attributes.length
    if (count > partsMax || open.length >= depthMax) throw new Error('it is too complex')
    open.at(-1)?.children.push(element)
    root ??= element
    open.push(element)
  })
  parser.on('closetag', () => void open.pop())
  const onText = (piece: string): void => void open.at(-1)?.children.push(piece)
  parser.on('text', onText)
  parser.on('cdata', onText)
  parser.write(text).close()
  if (root === undefined) throw new Error('it is empty')
  return root
}

function nameOf({ uri, local }: { uri: string; local: string }): QualifiedName {
  if (uri.length > nameCharactersMax || local.length > nameCharactersMax)
    throw new Error(`a name or namespace has more than ${nameCharactersMax} characters`)
  return { namespace: uri, name: local }
}

function attributesOf({ attributes }: SaxesTagNS): XmlElement['attributes'] {
  return Object.values(attributes)
    .filter(({ uri, name }) => uri !== xmlnsNamespace && name !== 'xmlns')
    .map((attribute) => ({ ...nameOf(attribute), value: attribute.value }))
}

export function isDav(node: XmlNode, name: string): node is XmlElement {
  return typeof node !== 'string' && node.namespace === davNamespace && node.name === name
}

export function childElements({ children }: XmlElement): XmlElement[] {
  return children.filter((child) => typeof child !== 'string')
}

export function davChild(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child): child is XmlElement => isDav(child, name))
}

/** The text of an element without that of its children, trimmed. */
export function textIn({ children }: XmlElement): string {
  return children
    .filter((child) => typeof child === 'string')
    .join('')
    .trim()
}

/** An element as text that can stand anywhere: it declares its namespaces itself. */
export function xmlOf({ namespace, name, attributes, children }: XmlElement): string {
  const declared = [`xmlns="${escapeXml(namespace)}"`]
  for (const [index, attribute] of attributes.entries()) {
    const value = `="${escapeXml(attribute.value)}"`
    if (attribute.namespace === '') declared.push(attribute.name + value)
    else if (attribute.namespace === xmlNamespace) declared.push(`xml:${attribute.name}${value}`)
    else
      declared.push(
        `xmlns:a${index}="${escapeXml(attribute.namespace)}" a${index}:${attribute.name}${value}`,
      )
  }
  const head = `${name} ${declared.join(' ')}`
  if (children.length === 0) return `<${head}/>`
  const inner = children.map((child) =>
    typeof child === 'string' ? escapeXml(child) : xmlOf(child),
  )
  return `<${head}>${inner.join('')}</${name}>`
}

/** An element without content. */
export function emptyElement({ namespace, name }: QualifiedName): string {
  return namespace === davNamespace ? `<D:${name}/>` : `<${name} xmlns="${escapeXml(namespace)}"/>`
}
