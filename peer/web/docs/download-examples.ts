/** Examples of the calls about downloads. */
import type { Download } from '../../api/download-shapes.ts'
import { type CallExamples, name, sha256, size, source } from './example.ts'

type DownloadCall =
  | 'startDownload'
  | 'download'
  | 'downloads'
  | 'cancelDownload'
  | 'pauseDownload'
  | 'resumeDownload'

const id = 'k3j9x2m4q7w1'
const started: Download = {
  id,
  name,
  state: 'waiting',
  bytes: 0,
  size: 0,
  reusedBytes: 0,
  bytesPerSecond: 0,
  sources: [],
}
const running: Download = {
  ...started,
  state: 'running',
  bytes: 1_048_576,
  size,
  bytesPerSecond: 2_097_152,
  sources: [{ ...source, bytes: 1_048_576, bytesPerSecond: 2_097_152 }],
}
const done: Download = {
  ...running,
  state: 'done',
  bytes: size,
  bytesPerSecond: 0,
  sources: [],
  result: {
    name,
    path: `/data/peer2/downloaded/${name}`,
    bytes: size,
    reusedBytes: 0,
    seconds: 2,
    sha256,
    sources: [source],
  },
}

export const downloadExamples: CallExamples<DownloadCall> = {
  startDownload: { request: { name }, reply: started },
  download: { request: { id, waitMs: 10_000 }, reply: done },
  downloads: { reply: { downloads: [done] } },
  cancelDownload: { request: { id }, reply: undefined },
  pauseDownload: { request: { id }, reply: { ...running, state: 'paused', sources: [] } },
  resumeDownload: { request: { id }, reply: running },
}
