/** A bug, as a change of the source, and a seed that finds it. */
export interface PlantedBug {
  readonly what: string
  readonly file: string
  /** Occurs once in the file. */
  readonly find: string
  readonly replace: string
  readonly seed: number
  /** Whether the seed is one of whole meshes. */
  readonly isMesh?: boolean
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    what: 'three batches are read from one source',
    file: 'indexing-server/replication/slots.ts',
    find: 'const streamsPerSourceMax = 2',
    replace: 'const streamsPerSourceMax = 3',
    seed: 57,
  },
  {
    what: 'small files are not verified',
    file: 'peer/fetch/small/small-source.ts',
    find: "if ((await hashOf(piece)).toString('hex') !== sha256) return",
    replace: "if ((await hashOf(piece)).toString('hex') === '') return",
    seed: 7,
  },
  {
    what: 'a full inventory does not remove what it does not mention',
    file: 'indexing-server/store/announcement-writer.ts',
    find: 'if (end === true) this.#sweep(',
    replace: 'if (end === false) this.#sweep(',
    seed: 3,
  },
  {
    what: 'after a reconnect one change is left out',
    file: 'peer/announce/announcement-plan.ts',
    find: 'new AnnouncementPlan(continues ? { seq, full } :',
    replace:
      'new AnnouncementPlan(continues ? { seq: Math.min(seq + 1, inventory.lastSeq), full } :',
    seed: 21,
  },
  {
    what: 'a peer that has a content may get another copy of it',
    file: 'indexing-server/replication/placement.ts',
    find: 'if (request.takenBy.has(peer.peerId)) {',
    replace: "if (request.takenBy.has(peer.peerId) && peer.peerId === '') {",
    seed: 3,
  },
  {
    what: 'an accused copy never counts again',
    file: 'indexing-server/doubts.ts',
    find: 'if (epoch === doubt.before.epoch && seq <= doubt.before.seenSeq) return false',
    replace: 'if (epoch === doubt.before.epoch) return false',
    seed: 26,
  },
  {
    what: 'an unshared file is announced again',
    file: 'peer/share/catalog.ts',
    find: 'this.#statements.insertUnshared.run(name, this.#transactions.nextSeq())',
    replace: 'this.#transactions.nextSeq()',
    seed: 15,
  },
  {
    what: 'the contents of dead peers are never repaired',
    file: 'indexing-server/liveness.ts',
    find: "return { state: 'dead', isLost: true }",
    replace: "return { state: 'dead', isLost: false }",
    seed: 27,
  },
  {
    what: 'a dropped copy is not removed from the index',
    file: 'indexing-server/store/announcement-writer.ts',
    find: 'if (old !== undefined) this.#removeCopy(place, change.name, old, touching)',
    replace:
      'if (old !== undefined && place.kind === 0) this.#removeCopy(place, change.name, old, touching)',
    seed: 1,
  },
  {
    what: 'a dropped copy is not announced',
    file: 'peer/share/catalog.ts',
    find: 'this.#statements.insertDrop.run({ ...keyRowOf(key), seq: this.#transactions.nextSeq() })',
    replace: 'this.#transactions.nextSeq()',
    seed: 1,
  },
  {
    what: 'what fitted on no peer is not retried when there is room',
    file: 'indexing-server/replication/coordinator.ts',
    find: 'if (this.#noRoom.mayFit((peerId) => this.#planner.roomOf(peerId))) this.#unpark()',
    replace: 'if (this.#noRoom.mayFit(() => 0)) this.#unpark()',
    seed: 53,
  },
  {
    what: 'later decisions do not reach a peer that has the first ones',
    file: 'indexing-server/intent-exchange.ts',
    find: 'return has === undefined || has < revision',
    replace: 'return has === undefined && has !== revision',
    seed: 3,
  },
  {
    what: 'a permission to drop is kept after the drop',
    file: 'indexing-server/replication/drop-grants.ts',
    find: 'if (!isHeld) this.#grants.delete(contentId)',
    replace: 'if (!isHeld) this.#expire()',
    seed: 3,
  },
  {
    what: 'a blip is taken for a death',
    file: 'indexing-server/liveness.ts',
    find: 'const isSilent = silentMs >= deadAfterMs',
    replace: 'const isSilent = 2 * silentMs >= deadAfterMs',
    seed: 3,
  },
  {
    what: 'a peer confirms copies without looking at its disk',
    file: 'peer/replicate/replicator.ts',
    find: 'confirmed[position] = await this.#shelf.hasCopy(sha256, { mayBeReplica: !isDropping })',
    replace:
      'confirmed[position] = !isDropping || (await this.#shelf.hasCopy(sha256, { mayBeReplica: false }))',
    seed: 104,
  },
  {
    what: 'a removed replication rule still applies',
    file: 'indexing-server/replication/factors.ts',
    find: 'if (value === null) this.#rules.delete(pattern)',
    replace: 'if (value === null) this.#rules.get(pattern)',
    seed: 188,
  },
  {
    what: 'an owner that lost its files is given none of several copies, although all other peers have one',
    file: 'indexing-server/replication/placement.ts',
    find: 'return isLastCopy || !peers.some(isOther) ? tiers.owner : tiers.steady',
    replace: 'return isLastCopy && peers.some(() => true) ? tiers.owner : tiers.steady',
    seed: 138,
  },
  {
    what: 'a mesh is not told of an empty catalog',
    file: 'peer/mesh/mirror.ts',
    find: 'const isNew = registered.seenSeq === 0',
    replace: 'const isNew = registered.seenSeq < 0',
    seed: 7,
    isMesh: true,
  },
]
