import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client'
import type { CopyKind } from '../../common/protocol/messages.ts'
import type { Download } from '../api.ts'

/** What the peer counts as it goes; read when somebody asks. */
export interface Vitals {
  readonly peerId: string
  isIndexConnected(): boolean
  /** Content bytes sent to other peers, and received from them, since the start. */
  sentBytes(): number
  receivedBytes(): number
  /** Copies on this peer's disk. */
  fileCounts(): Readonly<Record<CopyKind, number>>
  /** Downloads waiting and running now; done and failed since the start. */
  downloadCounts(): Readonly<Record<Download['state'], number>>
}

/** The metrics of a peer and its process, in a registry of their own. */
export function peerMetrics(vitals: Vitals): Registry {
  const registry = new Registry()
  const registers = [registry]
  counter('tandem_peer_sent_bytes_total', 'Content bytes sent to other peers.', () =>
    vitals.sentBytes(),
  )
  counter('tandem_peer_received_bytes_total', 'Content bytes received from other peers.', () =>
    vitals.receivedBytes(),
  )
  gauge('tandem_peer_index_connected', '1 while there is a connection to the index.', () =>
    vitals.isIndexConnected() ? 1 : 0,
  )
  new Gauge({
    name: 'tandem_peer_files',
    help: 'Copies on this peer, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(vitals.fileCounts())) this.set({ kind }, count)
    },
  })
  new Gauge({
    name: 'tandem_peer_downloads',
    help: 'Downloads that have not ended.',
    labelNames: ['state'],
    registers,
    collect() {
      const { waiting, running, paused } = vitals.downloadCounts()
      this.set({ state: 'waiting' }, waiting)
      this.set({ state: 'running' }, running)
      this.set({ state: 'paused' }, paused)
    },
  })
  new Counter({
    name: 'tandem_peer_downloads_total',
    help: 'Downloads that ended, by how.',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { done, failed } = vitals.downloadCounts()
      this.reset()
      this.inc({ outcome: 'done' }, done)
      this.inc({ outcome: 'failed' }, failed)
    },
  })
  collectDefaultMetrics({ register: registry })
  return registry

  function counter(name: string, help: string, value: () => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  }

  function gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  }
}
