/** The only table of operational errors: each code, when it occurs, and what the user is told. */
import type { ErrorRow } from './error-rows/error-row.ts'
import { fileErrors } from './error-rows/file-errors.ts'
import { identityErrors } from './error-rows/identity-errors.ts'
import { indexErrors } from './error-rows/index-errors.ts'
import { meshErrors } from './error-rows/mesh-errors.ts'
import { processErrors } from './error-rows/process-errors.ts'
import { protocolErrors } from './error-rows/protocol-errors.ts'

const rows = {
  ...protocolErrors,
  ...indexErrors,
  ...identityErrors,
  ...fileErrors,
  ...meshErrors,
  ...processErrors,
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof rows
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = rows
