/** Converts between the URLs below /dav/ and names; '' is the top folder. */
import { AppError } from '../../../common/errors.ts'
import { nameProblem } from '../../../common/ids.ts'
import { DavRefusal } from './dav-refusal.ts'

export const davPath = '/dav'

/**
 * The name in the path of a URL, whether it ends with a slash or not.
 * @throws AppError NAME_INVALID, BAD_REQUEST
 */
export function nameOfPath(path: string): string {
  // What a client with a fragment means is unclear, and one of the readings may delete a folder.
  if (path.includes('#')) throw new AppError('BAD_REQUEST', { path: 'url', reason: 'has a `#`' })
  const [plain = ''] = path.split('?', 1)
  const encoded = plain.slice(davPath.length).replace(/^\//, '').replace(/\/$/, '')
  if (encoded === '') return ''
  const name = decodedOf(encoded).normalize('NFC')
  const reason = /%2f/i.test(encoded) ? 'a slash separates folders' : nameProblem(name)
  if (reason !== undefined) throw new AppError('NAME_INVALID', { name: name.slice(0, 200), reason })
  return name
}

function decodedOf(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    const reason = 'its percent-encoding is not valid UTF-8'
    throw new AppError('BAD_REQUEST', { path: 'url', reason })
  }
}

/** The path of a URL for a name. */
export function hrefOf(name: string, isFolder: boolean): string {
  if (name === '') return `${davPath}/`
  const segments = name.split('/').map(encodeURIComponent)
  return `${davPath}/${segments.join('/')}${isFolder ? '/' : ''}`
}

/**
 * The name in a URL that a header gives, absolute or as a path.
 * @param host the Host header of the request: no other server's files can be reached
 * @throws DavRefusal 502 for another server; AppError as {@link nameOfPath}
 */
export function nameOfUrl(url: string, host: string | undefined): string {
  const match = /^https?:\/\/([^/?#]*)(\/.*)?$/is.exec(url)
  if (match !== null && match[1]?.toLowerCase() !== host?.toLowerCase())
    throw new DavRefusal(502, 'The destination is on another server.')
  const path = match === null ? url : (match[2] ?? '/')
  if (path !== davPath && !path.startsWith(`${davPath}/`))
    throw new DavRefusal(502, `The destination is not below ${davPath}/.`)
  return nameOfPath(path)
}
