import type { TObject, TSchema } from 'typebox'

/** Everything the table states about one call. */
export interface CallRow {
  /** For the documentation; a phrase without a full stop. */
  readonly summary: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With `:parameter` for each of `params`. */
  readonly path: string
  /** Fields of the request in the path. */
  readonly params?: TObject
  /** Fields in the query. */
  readonly query?: TObject
  /** Fields in the JSON body. */
  readonly body?: TObject
  /** The request has `bytes`, sent as the body. */
  readonly upload?: true
  /** Absent if the reply is empty. */
  readonly reply?: TSchema
  /** The reply is a page of rows in this field. Over HTTP the rows are the body, and a Link header names the next page. */
  readonly page?: string
  /** Default: 200, or 204 for an empty reply. */
  readonly status?: number
  /** Path of the created resource, with fields of the reply as parameters. */
  readonly location?: string
  /** The path ends with a file name, whose slashes need not be encoded. */
  readonly endsWithName?: true
}
