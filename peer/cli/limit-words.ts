import type { LimitKey } from '../api/words.ts'

/** What people call the limits. */
export const limitWords = {
  upload: 'uploadBytesPerSecond',
  download: 'downloadBytesPerSecond',
  'replication-upload': 'replicationUploadBytesPerSecond',
  'replication-download': 'replicationDownloadBytesPerSecond',
  connections: 'connections',
  downloads: 'downloadsAtOnce',
} as const satisfies Record<string, LimitKey>
