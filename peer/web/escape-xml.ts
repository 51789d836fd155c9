const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** No document may contain them, not even as references. Names may contain the last two, U+FFFE and U+FFFF. */
const impossible = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu

/** For text and attribute values of XML and HTML; what XML cannot express becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(impossible, '\uFFFD')
    .replaceAll(/[&<>"'\t\n\r]/g, (character) => references[character] ?? '')
}
