/**
 * Content-Disposition (RFC 6266): `filename` for old clients, in ASCII, and `filename*` (RFC 8187) with the
 * exact name where that differs.
 * @param name the file's name without folders
 */
export function contentDisposition(kind: 'inline' | 'attachment', name: string): string {
  // A `%` is left out too: some browsers decode it.
  const ascii = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]|["\\%/]/g, '_')
  if (ascii === name) return `${kind}; filename="${ascii}"`
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encodeValue(name)}`
}

/** `attr-char` of RFC 8187 stays; encodeURIComponent leaves four more characters. */
function encodeValue(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
