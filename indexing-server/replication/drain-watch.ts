import type { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { ReplyOf } from '../../common/protocol/messages.ts'
import { sumOfUnplaceable } from '../../common/protocol/plan-shapes.ts'
import type { EventRecorder } from '../events/event.ts'
import type { SurveyPeer } from './safety.ts'

/** How far a drain is. */
export interface DrainProgress {
  /** Wanted files of the peer, and how many of them lack copies on other peers. */
  readonly files: number
  readonly lackingFiles: number
  readonly lackingBytes: number
  /** When the last copy is made at the recent rate, from now; undefined if unknown, or never. */
  readonly leftMs: number | undefined
  /** Those of them that no peer can take now, if any. */
  readonly unplaceable: ReplyOf<'safety'>['unplaceable']
}

interface Sample {
  readonly atMs: number
  readonly lackingBytes: number
}

/** Between two surveys of a peer. */
const surveyEveryMs = 1_000
/** A survey may take this part of the index's time. */
const surveyPart = 0.1
/** The rate is measured over this time. */
const rateWindowMs = 120_000

interface Dependencies {
  /** Peers that are drained. */
  readonly draining: () => readonly string[]
  readonly survey: SurveyPeer
  readonly background: BackgroundWork
  readonly events: EventRecorder
  readonly clock: Clock
  readonly log: Log
}

/** Counts again and again what drained peers still lack. */
export class DrainWatch {
  readonly #dependencies: Dependencies
  readonly #progress = new Map<string, DrainProgress>()
  readonly #samples = new Map<string, readonly Sample[]>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  start(): void {
    this.#dependencies.background.start('watch drained peers', (signal) => this.#run(signal))
  }

  /** Undefined before the first survey of a peer has ended. */
  progressOf(peerId: string): DrainProgress | undefined {
    return this.#progress.get(peerId)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, draining, log } = this.#dependencies
    for (;;) {
      const startMs = clock.monotonicMs()
      const peerIds = new Set(draining())
      for (const peerId of this.#progress.keys()) if (!peerIds.has(peerId)) this.#forget(peerId)
      for (const peerId of peerIds)
        try {
          await this.#survey(peerId, signal)
        } catch (error) {
          signal.throwIfAborted()
          log.warn({ peerId, reason: reasonOf(error) }, 'a drained peer was not surveyed')
        }
      const tookMs = clock.monotonicMs() - startMs
      await clock.sleep(Math.max(surveyEveryMs, tookMs / surveyPart), signal)
    }
  }

  async #survey(peerId: string, signal: AbortSignal): Promise<void> {
    const { clock, survey, draining } = this.#dependencies
    let [files, lackingFiles, lackingBytes] = [0, 0, 0]
    let unplaceable: DrainProgress['unplaceable']
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; ) {
      isFirst = false
      const page = await survey(peerId, after, signal)
      files += page.held.files
      lackingFiles += page.lacking.files
      lackingBytes += page.lacking.bytes
      unplaceable = sumOfUnplaceable(unplaceable, page.unplaceable)
      after = page.next
    }
    if (!draining().includes(peerId)) return
    const before = this.#progress.get(peerId)
    const rateLeftMs = this.#leftMs(peerId, { atMs: clock.monotonicMs(), lackingBytes })
    const leftMs = unplaceable === undefined ? rateLeftMs : undefined
    this.#progress.set(peerId, { files, lackingFiles, lackingBytes, leftMs, unplaceable })
    if (lackingFiles === 0 && before?.lackingFiles !== 0) this.#onDone(peerId, files)
  }

  #onDone(peerId: string, files: number): void {
    const { events, log } = this.#dependencies
    log.info({ peerId, files }, 'peer is drained: it may be stopped')
    events.record({ kind: 'drain-done', peerId })
  }

  #leftMs(peerId: string, now: Sample): number | undefined {
    const fromMs = now.atMs - rateWindowMs
    const before = this.#samples.get(peerId) ?? []
    // After a peer was lost the earlier rate says nothing.
    const hasGrown = now.lackingBytes > (before.at(-1)?.lackingBytes ?? Infinity)
    const recent = hasGrown ? [] : before.filter(({ atMs }) => atMs >= fromMs)
    this.#samples.set(peerId, [...recent, now])
    const [first] = recent
    if (first === undefined || now.lackingBytes === 0) return undefined
    const copied = first.lackingBytes - now.lackingBytes
    return copied > 0 ? (now.lackingBytes / copied) * (now.atMs - first.atMs) : undefined
  }

  #forget(peerId: string): void {
    this.#progress.delete(peerId)
    this.#samples.delete(peerId)
  }
}
