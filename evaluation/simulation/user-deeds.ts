import { chunkRange } from '../../common/content/chunks.ts'
import { hasCode } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { restoreFile } from '../../peer/api/restore-file.ts'
import type { Machine } from './cluster/cluster.ts'
import { type ExpectedFile, hasContent } from './expectations.ts'
import type { DrawnContent } from './script.ts'
import type { DeedOf, Stage } from './stage.ts'

/** The index may not know for this long that a disk was lost: the longest cut, and some. */
const lossUnknownMs = 900_000
/** Interval of asking whether a pushed file has its copies. */
const pushPollMs = 1_000

const contents = new Map<string, Buffer>()

/** The bytes of a drawn content; the same buffer each time. */
function bytesOf({ number, bytes, editedChunk }: DrawnContent): Buffer {
  const key = `${number} ${bytes} ${editedChunk ?? ''}`
  const known = contents.get(key) ?? drawn({ number, bytes }, editedChunk)
  contents.set(key, known)
  return known
}

function drawn({ number, bytes }: DrawnContent, editedChunk: number | undefined): Buffer {
  const drawnBytes = seededRandom(`content ${number} ${bytes}`).bytes(bytes)
  if (editedChunk === undefined) return drawnBytes
  const { start } = chunkRange(bytes, editedChunk)
  drawnBytes.writeUInt8(drawnBytes.readUInt8(start) ^ 1, start)
  return drawnBytes
}

/** What users do with files. */
export class UserDeeds {
  readonly #stage: Stage

  constructor(stage: Stage) {
    this.#stage = stage
  }

  write({ peer, name, content }: DeedOf<'write'>): void {
    const { peerId, disk, run, isGone } = this.#stage.machine(peer)
    if (isGone) return
    const bytes = bytesOf(content)
    if (run === undefined) disk.write(`/${peerId}/shared/${name}`, bytes)
    else run.peer.share.writeShared(name, bytes)
    this.#stage.expectations.onChanged(peerId, name)
  }

  push({ peer, name, content }: DeedOf<'push'>): void {
    const machine = this.#stage.machine(peer)
    const { run, peerId } = machine
    if (run === undefined) return
    const { finder, share } = run.peer
    this.#stage.ask(machine, async () => {
      if (share.catalog.isUnshared(name)) await finder.share(name)
      const entry = share.receive(name, bytesOf(content))
      this.#stage.expectations.onChanged(peerId, name, { isPush: true })
      await finder.share(name).catch((error: unknown) => {
        if (!hasCode(error, 'INDEX_UNREACHABLE')) throw error
      })
      await this.#awaitCopies(machine, { owner: peerId, name, sha256: entry.content.sha256 })
    })
  }

  /** As `push --wait` does; afterwards the copies must be there. */
  async #awaitCopies(machine: Machine, file: ExpectedFile): Promise<void> {
    const { run } = machine
    const { clock } = this.#stage.cluster
    const { name, sha256 } = file
    for (let ms = 0; ms < deadlines.pushCopiesMs; ms += pushPollMs) {
      if (run === undefined || machine.run !== run) return
      const { contents: found } = await run.peer.finder.why(name).catch(() => ({ contents: [] }))
      const copies = found.find((content) => content.sha256 === sha256)?.copies ?? []
      const living = copies.filter(({ state }) => state !== 'dead')
      const factor = this.#stage.expectations.rules.factorOf(name)
      if (new Set(living.map(({ peerId }) => peerId)).size >= factor)
        return this.#acknowledge(file, factor)
      await clock.sleep(pushPollMs)
    }
    this.#stage.cluster.events.add(machine.peerId, `copies of ${name} are pending`)
  }

  #acknowledge(file: ExpectedFile, factor: number): void {
    const { owner, name, sha256 } = file
    this.#stage.cluster.events.add(owner, `acknowledged ${name}`)
    this.#stage.expectations.onAcknowledged(file)
    const { machines, clock } = this.#stage.cluster
    const holders = machines.filter((machine) => hasContent(machine, sha256))
    const lost = machines.filter(
      ({ diskLostAtMs }) => clock.elapsedMs - diskLostAtMs < lossUnknownMs,
    )
    const damaged = this.#stage.damaged.has(sha256) ? 1 : 0
    if (holders.length + lost.length + damaged < factor)
      this.#stage.monitor.violation(
        `${owner}/${name} is acknowledged with ${holders.length} copies`,
      )
  }

  unshare({ peer, name }: DeedOf<'unshare'>): void {
    const machine = this.#stage.machine(peer)
    const { run, peerId: owner } = machine
    if (run?.peer.share.catalog.get({ kind: 'shared', name }) === undefined) return
    const { finder, share } = run.peer
    this.#stage.ask(machine, async () => {
      this.#stage.expectations.onUnshare(owner, name, false)
      await finder.unshare({ name, owner, force: false })
      share.unshare(name)
      this.#stage.expectations.onUnshare(owner, name, true)
    })
  }

  move({ peer, name, to }: DeedOf<'move'>): void {
    const { peerId, disk, run } = this.#stage.machine(peer)
    const pathOf = (file: string): string => `/${peerId}/shared/${file}`
    if (!disk.files.has(pathOf(name)) || name === to) return
    if (run !== undefined) run.peer.share.moveShared(name, to)
    else if (to === undefined) disk.remove(pathOf(name))
    else disk.move(pathOf(name), pathOf(to))
    this.#stage.expectations.onChanged(peerId, name)
    if (to !== undefined) this.#stage.expectations.onChanged(peerId, to)
  }

  download({ peer, name }: DeedOf<'download'>): void {
    this.#stage.machine(peer).run?.peer.downloads.start({ name })
  }

  /** As the command does, for a file that this or another peer deleted. */
  restore({ peer, name }: DeedOf<'restore'>): void {
    const machine = this.#stage.machine(peer)
    const { run, peerId } = machine
    if (run === undefined) return
    const { finder, restorer } = run.peer
    const { clock } = run.process
    this.#stage.ask(machine, async () => {
      await restoreFile({ name }, undefined, { finder, restorer, clock, peerId })
    })
  }
}
