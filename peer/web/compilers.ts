import type { FastifyServerOptions } from 'fastify'

/**
 * For an instance whose compilers are set right after: without factories Fastify loads Ajv and its
 * serializer before that, 15 MB.
 */
export const withoutCompilers = {
  schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
} satisfies FastifyServerOptions

function unused(): never {
  throw new Error('the compilers are set')
}
