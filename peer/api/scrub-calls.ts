/** The calls about reading copies again and about damaged files: a part of the table in calls.ts. */
import { idParams, waitQuery } from './call-parts.ts'
import {
  CheckRequest,
  CopyCheck,
  Repair,
  RepairRequest,
  Scrub,
  ScrubChange,
} from './scrub-shapes.ts'

export const scrubCalls = {
  scrub: {
    summary: 'Show the progress of the check of all copies, and which files are damaged',
    method: 'GET',
    path: '/api/scrub',
    reply: Scrub,
  },
  /** @throws DISK_FULL, DISK_FAILED, without changing anything */
  changeScrub: {
    summary: 'Pause or resume the check of all copies; survives restarts',
    method: 'PATCH',
    path: '/api/scrub',
    body: ScrubChange,
    reply: Scrub,
  },
  /** Also while scrubbing is paused. @throws DISK_FULL, DISK_FAILED, without changing anything */
  scrubNow: {
    summary: 'Check all copies now, as fast as the limit allows',
    method: 'POST',
    path: '/api/scrub/now',
    reply: Scrub,
  },
  /** @throws BUSY */
  checkCopies: {
    summary: 'Check the copies that match a pattern now',
    method: 'POST',
    path: '/api/scrub/checks',
    body: CheckRequest,
    reply: CopyCheck,
    status: 202,
    location: '/api/scrub/checks/:id',
  },
  /** @throws CHECK_NOT_FOUND */
  copyCheck: {
    summary: 'Get a check once it ends, or after waitMs',
    method: 'GET',
    path: '/api/scrub/checks/:id',
    params: idParams,
    query: waitQuery,
    reply: CopyCheck,
  },
  /** Joins the running repair of the file, if there is one. @throws NAME_INVALID, NOT_DAMAGED, BUSY */
  repair: {
    summary: 'Replace a damaged file with its good content from other peers',
    method: 'POST',
    path: '/api/repairs',
    body: RepairRequest,
    reply: Repair,
    status: 202,
    location: '/api/repairs/:id',
  },
  /** @throws REPAIR_NOT_FOUND */
  repairOf: {
    summary: 'Get a repair once it ends, or after waitMs',
    method: 'GET',
    path: '/api/repairs/:id',
    params: idParams,
    query: waitQuery,
    reply: Repair,
  },
} as const
