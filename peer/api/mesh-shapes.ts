/** Shapes of the calls about the mesh. */
import Type, { type Static } from 'typebox'
import { PeerId, Port } from '../../common/protocol/fields.ts'
import { QueryFile } from '../../common/protocol/query-messages.ts'

export const MeshCounts = Type.Object({
  live: Type.Integer({ minimum: 0, description: 'Members that answer, this peer included.' }),
  suspect: Type.Integer({ minimum: 0, description: 'Members that do not answer now.' }),
  gone: Type.Integer({ minimum: 0, description: 'Members that left or died in the last minutes.' }),
  behind: Type.Integer({
    minimum: 0,
    description: 'Members from whose catalogs this peer is still fetching changes.',
  }),
  notKept: Type.Integer({
    minimum: 0,
    description: 'Members whose catalogs this peer has no room for: it asks them instead.',
  }),
  programs: Type.Integer({
    minimum: 0,
    description: 'Programs that take part through this peer, over HTTP.',
  }),
})
export type MeshCounts = Static<typeof MeshCounts>

export const MeshState = Type.Object({
  isMember: Type.Boolean({ description: 'Whether this peer takes part in a mesh.' }),
  ...MeshCounts.properties,
})
export type MeshState = Static<typeof MeshState>

export const HolderFiles = Type.Object({
  peerId: PeerId,
  url: Type.String({
    description: 'An HTTP server that has the files, at /files/by-name/NAME.',
  }),
  files: Type.Array(QueryFile),
})

export const MeshQuery = Type.Object({
  queryId: Type.String(),
  hits: Type.Array(
    Type.Object({
      ...QueryFile.properties,
      peerId: PeerId,
      host: Type.String(),
      port: Port,
      url: Type.Optional(
        Type.String({
          description: 'Of a file of a program: its HTTP server, which has the file.',
        }),
      ),
    }),
    { description: 'Files that members have, in the order of their answers.' },
  ),
  isOver: Type.Boolean({ description: 'Whether the query has ended: no more hits will follow.' }),
})
export type MeshQuery = Static<typeof MeshQuery>
