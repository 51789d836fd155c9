/** Examples of the calls about reading copies again and about damaged files. */
import type { CopyCheck, Repair, Scrub } from '../../api/scrub-shapes.ts'
import { type CallExamples, name, sha256, size, timeMs } from './example.ts'

type ScrubCall =
  | 'scrub'
  | 'changeScrub'
  | 'scrubNow'
  | 'checkCopies'
  | 'copyCheck'
  | 'repair'
  | 'repairOf'

const id = 'q7w1k3j9x2m4'
const path = `/data/peer1/shared/${name}`
const waiting: Scrub = {
  state: 'waiting',
  isPaused: false,
  days: 30,
  last: {
    startedMs: timeMs - 7_200_000,
    endedMs: timeMs,
    bytes: 1_410_334_720,
    files: 538,
    bad: 1,
  },
  nextMs: timeMs + 2_592_000_000,
  damagedFiles: 1,
  damaged: [
    {
      name,
      folder: 'shared',
      path,
      sha256,
      foundMs: timeMs,
      reason: '1 of its 4 chunks is damaged',
      chunks: 4,
      badChunks: 1,
    },
  ],
}
const check: CopyCheck = {
  id,
  pattern: 'photos/**',
  state: 'running',
  files: 0,
  bytes: 0,
  bad: 0,
  unread: 0,
  listed: [],
}
const repair: Repair = {
  id,
  name,
  kind: 'shared',
  path,
  sha256,
  size,
  state: 'running',
  bytes: 0,
}

export const scrubExamples: CallExamples<ScrubCall> = {
  scrub: { reply: waiting },
  changeScrub: {
    request: { isPaused: true },
    reply: { ...waiting, state: 'paused', isPaused: true },
  },
  scrubNow: {
    reply: {
      ...waiting,
      state: 'running',
      pass: {
        startedMs: timeMs,
        bytes: 0,
        files: 0,
        totalBytes: 1_410_334_720,
        totalFiles: 538,
        bad: 0,
        isHurried: true,
      },
    },
  },
  checkCopies: { request: { pattern: 'photos/**' }, reply: check },
  copyCheck: {
    request: { id, waitMs: 10_000 },
    reply: {
      ...check,
      state: 'done',
      files: 538,
      bytes: 1_410_334_720,
      bad: 1,
      listed: [{ name, folder: 'shared', verdict: 'bad' }],
    },
  },
  repair: { request: { name }, reply: repair },
  repairOf: {
    request: { id, waitMs: 10_000 },
    reply: { ...repair, state: 'done', bytes: size },
  },
}
