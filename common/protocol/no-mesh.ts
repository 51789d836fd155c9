import { AppError } from '../errors.ts'

const refuse = async (): Promise<never> => {
  throw new AppError('NO_MESH')
}

/** The handlers of a peer that takes part in no mesh. */
export const noMesh = {
  gossip: refuse,
  'mesh-join': refuse,
  'mesh-digest': refuse,
  'mesh-changes': refuse,
  'mesh-copies': refuse,
  query: refuse,
  'query-hit': refuse,
  'probe-for': refuse,
  tasks: refuse,
  'cancel-tasks': refuse,
  verify: refuse,
  'confirm-copies': refuse,
  prove: refuse,
  'restore-file': refuse,
  'read-intent': refuse,
  report: refuse,
  progress: refuse,
  'confirm-drops': refuse,
} as const
