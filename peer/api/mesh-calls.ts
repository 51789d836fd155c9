/** Calls about the mesh: a part of the table in calls.ts. */
import Type from 'typebox'
import { QueryWhat } from '../../common/protocol/query-messages.ts'
import { waitQuery } from './call-parts.ts'
import type { CallRow } from './call-row.ts'
import { MeshQuery, MeshState } from './shapes.ts'

export const meshCalls = {
  mesh: {
    summary: 'Count the members of the mesh of this peer, if it takes part in one',
    method: 'GET',
    path: '/api/mesh',
    reply: MeshState,
  },
  /** @throws NO_MESH, JOIN_SELF, DIAL_FAILED, DEADLINE_EXCEEDED, BAD_REQUEST */
  joinMesh: {
    summary: 'Join the mesh of another peer, and again whenever no member is live there',
    method: 'POST',
    path: '/api/mesh/join',
    body: Type.Object({
      address: Type.String({
        minLength: 3,
        maxLength: 300,
        description: 'HOST:PORT at which the other peer serves peers.',
      }),
    }),
    reply: MeshState,
  },
  /** @throws NOT_IN_MESH, NAME_INVALID, BAD_REQUEST, BUSY */
  askMesh: {
    summary: 'Ask the members of the mesh, one by one, for a file that this peer need not know',
    method: 'POST',
    path: '/api/mesh/queries',
    body: Type.Object(QueryWhat),
    reply: MeshQuery,
    status: 202,
    location: '/api/mesh/queries/:queryId',
  },
  /** @throws NOT_IN_MESH, QUERY_NOT_FOUND */
  meshQuery: {
    summary: 'Wait for further hits of a query',
    method: 'GET',
    path: '/api/mesh/queries/:queryId',
    params: Type.Object({ queryId: Type.String() }),
    query: Type.Object({
      ...waitQuery.properties,
      after: Type.Integer({
        minimum: 0,
        maximum: 1_000,
        default: 0,
        description: 'Number of hits that the caller has.',
      }),
    }),
    reply: MeshQuery,
  },
} as const satisfies Readonly<Record<string, CallRow>>

export type MeshCall = keyof typeof meshCalls
