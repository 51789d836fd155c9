/** Settings that an index and a peer have in common, because either may have the authority. */
import Type from 'typebox'

/** Where an authority leaves join tokens. */
export const tokenOutSettings = {
  tokenOut: {
    schema: Type.String({ minLength: 1 }),
    default: undefined,
    flag: '--token-out',
    doc: 'file into which the authority writes a valid join token for peers',
  },
  adminTokenOut: {
    schema: Type.String({ minLength: 1 }),
    default: undefined,
    flag: '--admin-token-out',
    doc: 'file into which the authority writes a valid join token for admins',
  },
} as const

export const insecureSetting = {
  schema: Type.Boolean(),
  default: false,
  flag: '--insecure',
  doc: 'listen beyond this machine without an identity: every machine that reaches this process may do everything',
} as const
