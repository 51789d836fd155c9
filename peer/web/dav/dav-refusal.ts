import { escapeXml } from '../escape-xml.ts'

/** Conditions that RFC 4918 names. */
export type Precondition =
  | 'lock-token-submitted'
  | 'no-conflicting-lock'
  | 'lock-token-matches-request-uri'
  | 'propfind-finite-depth'
  | 'cannot-modify-protected-property'

/** A refusal of WebDAV with a status that the error table does not have. */
export class DavRefusal extends Error {
  override readonly name = 'DavRefusal'
  readonly status: number
  readonly precondition: Precondition | undefined
  readonly hrefs: readonly string[]

  /** @param options.hrefs the resources that prevent it, as paths of URLs */
  constructor(
    status: number,
    message: string,
    options: { readonly precondition?: Precondition; readonly hrefs?: readonly string[] } = {},
  ) {
    super(message)
    this.status = status
    this.precondition = options.precondition
    this.hrefs = options.hrefs ?? []
  }

  get xml(): string {
    const hrefs = this.hrefs.map((href) => `<D:href>${escapeXml(href)}</D:href>`).join('')
    const condition =
      this.precondition && `<D:${this.precondition}>${hrefs}</D:${this.precondition}>`
    const text = `<T:message xmlns:T="urn:tandem">${escapeXml(this.message)}</T:message>`
    return `${xmlHead}<D:error xmlns:D="DAV:">${condition ?? ''}${text}</D:error>`
  }
}

export const xmlHead = '<?xml version="1.0" encoding="utf-8"?>\n'
export const xmlType = 'application/xml; charset=utf-8'
