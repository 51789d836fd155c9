/** Calls about the mesh: a part of the table in calls.ts. */
import Type from 'typebox'
import { limits } from '../../common/limits.ts'
import { described, PeerId } from '../../common/protocol/fields.ts'
import { ProgramUrl, QueryFile, QueryId, QueryWhat } from '../../common/protocol/query-messages.ts'
import { waitQuery } from './call-parts.ts'
import type { CallRow } from './call-row.ts'
import { HolderFiles, MeshQuery, MeshState } from './mesh-shapes.ts'

export const meshCalls = {
  mesh: {
    summary: 'Count the members of the mesh of this peer, if it takes part in one',
    method: 'GET',
    path: '/api/mesh',
    reply: MeshState,
  },
  /**
   * @throws NO_MESH, JOIN_SELF, DIAL_FAILED, DEADLINE_EXCEEDED, BAD_REQUEST; for a program PEER_ID_TAKEN,
   *   PROGRAM_ID_TAKEN, PROGRAMS_FULL
   */
  joinMesh: {
    summary:
      'Join the mesh of another peer, and rejoin whenever no member is live there; or let a program take part in the mesh through this peer',
    method: 'POST',
    path: '/api/mesh/join',
    body: Type.Object({
      address: Type.Optional(
        Type.String({
          minLength: 3,
          maxLength: 300,
          description: 'HOST:PORT at which the other peer serves peers.',
        }),
      ),
      peerId: Type.Optional(described(PeerId, 'Instead of an address: the id of the program.')),
      url: Type.Optional(described(ProgramUrl, 'The HTTP server of the program.')),
      answers: Type.Optional(
        Type.Boolean({
          description:
            'Whether to send queries to the program; by default it only announces its files.',
        }),
      ),
    }),
    reply: Type.Object({
      ...MeshState.properties,
      heartbeatMs: Type.Optional(
        Type.Integer({ description: 'For a program: how often it should send a heartbeat.' }),
      ),
      members: Type.Optional(
        Type.Array(Type.Object({ peerId: PeerId, url: ProgramUrl }), {
          description: 'For a program: other peers that it may use.',
        }),
      ),
    }),
  },
  /** @throws NOT_IN_MESH, PROGRAM_UNKNOWN, PROGRAM_FILES_FULL */
  meshHeartbeat: {
    summary: 'Report that a program is alive, and which files it has',
    method: 'POST',
    path: '/api/mesh/heartbeat',
    body: Type.Object({
      peerId: PeerId,
      files: Type.Optional(
        Type.Array(QueryFile, {
          maxItems: limits.programFilesTold,
          description: 'Files that it has, in addition to those announced before.',
        }),
      ),
      isFirst: Type.Optional(
        Type.Boolean({ description: 'Whether to discard the files announced before.' }),
      ),
    }),
    reply: Type.Object({ heartbeatMs: Type.Integer() }),
  },
  /** @throws NOT_IN_MESH, PROGRAM_UNKNOWN, BAD_REQUEST, BUSY */
  meshAsk: {
    summary:
      'Ask the mesh on behalf of a program: the reply has the hits known here; further hits are sent to the program',
    method: 'POST',
    path: '/api/mesh/query',
    body: Type.Object({
      queryId: QueryId,
      ...QueryWhat,
      ttl: Type.Integer({ minimum: 0, maximum: limits.queryTtlMax, default: limits.queryTtlMax }),
      origin: described(ProgramUrl, 'The program that asks, which has joined.'),
    }),
    status: 202,
    reply: Type.Object({ hits: Type.Array(HolderFiles) }),
  },
  /** @throws NOT_IN_MESH, PROGRAM_UNKNOWN */
  meshHit: {
    summary: 'Answer a query that was sent to a program',
    method: 'POST',
    path: '/api/mesh/query-hit',
    body: Type.Object({
      queryId: QueryId,
      peerId: PeerId,
      files: Type.Array(QueryFile, { minItems: 1, maxItems: limits.queryHitFilesMax }),
    }),
  },
  /** @throws NOT_IN_MESH, NAME_INVALID, BAD_REQUEST, BUSY */
  askMesh: {
    summary: 'Ask each member of the mesh for a file, which this peer need not know',
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
