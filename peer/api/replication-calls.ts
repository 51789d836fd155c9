/** Calls about the copies in the cluster: a part of the table in calls.ts. */
import Type from 'typebox'
import { messages } from '../../common/protocol/messages.ts'
import type { CallRow } from './call-row.ts'
import { Rebalance, ReplicationOf, ReplicationRules, ResumedReplication } from './cluster-shapes.ts'

export const replicationCalls = {
  /** @throws INDEX_UNREACHABLE */
  resumeReplication: {
    summary: 'Release the brake on copying and dropping in the cluster',
    method: 'POST',
    path: '/api/replication/resume',
    reply: ResumedReplication,
  },
  /** @throws INDEX_UNREACHABLE */
  replicationRules: {
    summary: 'List the rules for the number of copies, the one set last first',
    method: 'GET',
    path: '/api/replication',
    reply: ReplicationRules,
  },
  /** @throws NAME_INVALID, INDEX_UNREACHABLE */
  replicationOf: {
    summary: 'Show how many copies a file of this name should have',
    method: 'GET',
    path: '/api/replication/of',
    query: Type.Object({ name: Type.String({ description: 'Full name of a file.' }) }),
    reply: ReplicationOf,
  },
  /** @throws NAME_INVALID, INTENT_FULL, INDEX_UNREACHABLE */
  setReplication: {
    summary: 'Set how many copies to keep of the files that match a pattern',
    method: 'POST',
    path: '/api/replication',
    body: Type.Required(messages['set-replication'].request),
    reply: messages['set-replication'].reply,
  },
  /** @throws NAME_INVALID, RULE_NOT_FOUND, INDEX_UNREACHABLE */
  unsetReplication: {
    summary: 'Remove a rule for the number of copies',
    method: 'DELETE',
    path: '/api/replication',
    query: Type.Pick(messages['set-replication'].request, ['pattern']),
  },
  /** @throws INDEX_UNREACHABLE */
  rebalance: {
    summary: 'Show the progress of a rebalance of the cluster or, with plan, what would move now',
    method: 'GET',
    path: '/api/rebalance',
    query: Type.Object({
      plan: Type.Boolean({ default: false, description: 'Whether to plan what would move now.' }),
    }),
    reply: Rebalance,
  },
  /** One that runs continues. @throws INDEX_UNREACHABLE */
  startRebalance: {
    summary: 'Move replicas from fuller to less full peers, in the background',
    method: 'POST',
    path: '/api/rebalance',
    reply: Rebalance,
  },
  /** Copies that were made for it and are beyond the factor are dropped. @throws INDEX_UNREACHABLE */
  stopRebalance: {
    summary: 'Stop a rebalance',
    method: 'DELETE',
    path: '/api/rebalance',
    reply: Rebalance,
  },
} as const satisfies Readonly<Record<string, CallRow>>
