import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client'
import type { CopyKind, Purpose } from '../../common/protocol/messages.ts'
import type { Download } from '../api/shapes.ts'

type ByPurpose = Readonly<Record<Purpose, number>>

/** What keeps the peer from its work, and how much of it. */
interface Health {
  readonly status: 'ok' | 'degraded' | 'failed'
  readonly index: string
  readonly troubles: readonly {
    readonly code: string
    readonly reason: string
    readonly remedy: string
  }[]
  /** How many files and folders are not shared. */
  readonly problems: number
  /** By the code of the trouble or problem, zeros included. */
  readonly counts: Readonly<Record<string, number>>
}

/** What the peer counts as it goes; read when somebody asks. */
export interface Vitals {
  readonly peerId: string
  isIndexConnected(): boolean
  /** Content bytes sent to other peers, and received from them, since the start. */
  sentBytes(): ByPurpose
  receivedBytes(): ByPurpose
  /** Copies on this peer's disk. */
  fileCounts(): Readonly<Record<CopyKind, number>>
  /** What keeps it from its work. */
  health(): Promise<Health>
  /** Entries that are kept although their files are missing, for each folder that is away or lost its files. */
  entriesKept(): Readonly<Record<string, number>>
  /** Downloads waiting and running now; done and failed since the start. */
  downloadCounts(): Readonly<Record<Download['state'], number>>
}

/** The metrics of a peer and its process, in a registry of their own. */
export function peerMetrics(vitals: Vitals): Registry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = gaugesIn(registers)
  counter('tandem_peer_sent_bytes_total', 'Content bytes sent to other peers.', 'purpose', () =>
    vitals.sentBytes(),
  )
  counter(
    'tandem_peer_received_bytes_total',
    'Content bytes received from other peers.',
    'purpose',
    () => vitals.receivedBytes(),
  )
  new Gauge({
    name: 'tandem_peer_index_connected',
    help: '1 while there is a connection to the index.',
    registers,
    collect() {
      this.set(vitals.isIndexConnected() ? 1 : 0)
    },
  })
  gauge('tandem_peer_files', 'Copies on this peer, by kind.', 'kind', () => vitals.fileCounts())
  const problemsHelp =
    'Files and folders that are not shared, and what keeps the peer from its work, by why.'
  gauge('tandem_peer_problems', problemsHelp, 'code', async () => (await vitals.health()).counts)
  new Gauge({
    name: 'tandem_peer_entries_kept',
    help: 'Entries without a file, by the folder that is away or lost its files.',
    labelNames: ['folder'],
    registers,
    collect() {
      this.reset()
      for (const [folder, files] of Object.entries(vitals.entriesKept()))
        this.set({ folder }, files)
    },
  })
  gauge('tandem_peer_downloads', 'Downloads that have not ended.', 'state', () => {
    const { waiting, running, paused } = vitals.downloadCounts()
    return { waiting, running, paused }
  })
  counter('tandem_peer_downloads_total', 'Downloads that ended, by how.', 'outcome', () => {
    const { done, failed } = vitals.downloadCounts()
    return { done, failed }
  })
  // At its default of 10 ms this timer alone takes 0.3 % of a core.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 250 })
  return registry

  function counter(name: string, help: string, label: string, values: () => Values): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset()
        for (const [key, value] of Object.entries(values())) this.inc({ [label]: key }, value)
      },
    })
  }
}

/** By the value of the label. */
type Values = Readonly<Record<string, number>>

type AddGauge = (
  name: string,
  help: string,
  label: string,
  values: () => Values | Promise<Values>,
) => void

/** Makes gauges whose values are looked up when they are read. */
function gaugesIn(registers: Registry[]): AddGauge {
  return (name, help, label, values) => {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      async collect() {
        for (const [key, value] of Object.entries(await values())) this.set({ [label]: key }, value)
      },
    })
  }
}
