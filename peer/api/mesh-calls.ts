/** Calls about the mesh: a part of the table in calls.ts. */
import Type from 'typebox'
import type { CallRow } from './call-row.ts'
import { MeshState } from './shapes.ts'

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
} as const satisfies Readonly<Record<string, CallRow>>

export type MeshCall = keyof typeof meshCalls
