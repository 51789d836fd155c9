import Type, { type Static } from 'typebox'

/**
 * The reply of every failed call: problem details (RFC 9457), with the status of the error table.
 * Details of the error, such as a name, are further members.
 */
export const ProblemDetails = Type.Object({
  type: Type.String({ description: 'Path of the description of this error.' }),
  title: Type.String({ description: 'The same for all errors of this code.' }),
  status: Type.Integer({ description: 'The HTTP status.' }),
  detail: Type.String({ description: 'What happened, and what to do about it.' }),
  instance: Type.Optional(Type.String({ description: 'Path of the request.' })),
  code: Type.String({ description: 'For programs.' }),
  retryable: Type.Boolean({
    description: 'Whether the same request may succeed later without a change by the user.',
  }),
})
export type ProblemDetails = Static<typeof ProblemDetails>
