import type { Clock } from '../../../common/clock.ts'
import { AppError } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import type { QueryFile } from '../../../common/protocol/query-messages.ts'
import { askedBy, type QueryWhat } from '../query/open-query.ts'
import { RequestMeter } from '../request-meter.ts'
import { ToldFiles } from './told-files.ts'

/** A program that was silent for this long has left. */
const expiredMs = 60_000
/** How often a program should send heartbeats: two may be lost. */
export const programHeartbeatMs = 20_000

/** Names that patterns and searches are compared with: a tenth of a core, and all names several times. */
const compared = { perSecond: 100_000, burst: 400_000, keysMax: 1 }

/** A program in any language that takes part in the mesh over HTTP, through this peer. */
export interface Program {
  readonly peerId: string
  /** Its HTTP server, such as `http://192.0.2.9:9000`. */
  readonly url: string
  /** Whether it wants queries: it may have more than it has told. */
  readonly answers: boolean
}

interface Known extends Program {
  readonly files: ToldFiles
  heardMs: number
}

/** The files of one program that a query is about. */
export interface ProgramFiles {
  readonly program: Pick<Program, 'peerId' | 'url'>
  readonly files: readonly QueryFile[]
}

/** Asks the programs of a peer. */
export interface AskPrograms {
  /**
   * Asks for files. `onFiles` is called now and later, for each program that has some.
   * @returns when all have answered or had time to, and `onFiles` has settled
   */
  askPrograms(
    queryId: string,
    what: QueryWhat,
    onFiles: (found: ProgramFiles) => Promise<void>,
  ): Promise<void>
}

/** The programs that take part through this peer, and the files that they say they have. */
export class Programs {
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()
  readonly #comparisons: RequestMeter

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
    this.#comparisons = new RequestMeter(compared, { clock })
  }

  get count(): number {
    this.#expire()
    return this.#known.size
  }

  /**
   * Adds a program, or takes over what it says of itself now; its files are kept, unless it has another
   * port: then it was restarted.
   * @throws AppError PROGRAM_ID_TAKEN, PROGRAMS_FULL
   */
  join(program: Program): void {
    this.#expire()
    const { peerId, url } = program
    const known = this.#known.get(peerId)
    if (known !== undefined && hostOf(known.url) !== hostOf(url))
      throw new AppError('PROGRAM_ID_TAKEN', { peerId })
    if (known === undefined && this.#known.size >= limits.meshProgramsMax)
      throw new AppError('PROGRAMS_FULL', { count: limits.meshProgramsMax })
    const heardMs = this.#clock.monotonicMs()
    const files = known?.url === url ? known.files : new ToldFiles()
    this.#known.set(peerId, { ...program, files, heardMs })
  }

  /**
   * A program is alive, and has further files, or others than before.
   * @throws AppError PROGRAM_UNKNOWN, PROGRAM_FILES_FULL
   */
  heard(
    peerId: string,
    { files = [], isFirst = false }: { files?: readonly QueryFile[]; isFirst?: boolean } = {},
  ): void {
    this.#expire()
    const known = this.#known.get(peerId)
    if (known === undefined) throw new AppError('PROGRAM_UNKNOWN', { program: peerId })
    known.heardMs = this.#clock.monotonicMs()
    if (isFirst) known.files.clear()
    for (const file of files)
      if (!known.files.add(file, limits.programFilesMax))
        throw new AppError('PROGRAM_FILES_FULL', { count: limits.programFilesMax })
  }

  /** @throws AppError PROGRAM_UNKNOWN */
  withUrl(url: string): Program {
    this.#expire()
    const found = this.#known.values().find((known) => known.url === url)
    if (found === undefined) throw new AppError('PROGRAM_UNKNOWN', { program: url })
    return found
  }

  /** @throws AppError PROGRAM_UNKNOWN */
  get(peerId: string): Program {
    this.#expire()
    const known = this.#known.get(peerId)
    if (known === undefined) throw new AppError('PROGRAM_UNKNOWN', { program: peerId })
    return known
  }

  /** Whether a program of this id listens there. */
  isAt(peerId: string, url: string): boolean {
    this.#expire()
    return this.#known.get(peerId)?.url === url
  }

  /**
   * The files that a query is about, of those that programs have told; none if there were too many queries
   * that all names must be compared with.
   */
  matching(what: QueryWhat): ProgramFiles[] {
    this.#expire()
    const programs = [...this.#known.values()]
    const names = programs.reduce((sum, { files }) => sum + files.size, 0)
    const comparesAll = what.name === undefined && what.sha256 === undefined
    if (comparesAll && !this.#comparisons.accepts('', names)) return []
    const asksFor = askedBy(what)
    return programs
      .map((program) => {
        const asked = program.files.candidates(what).filter(asksFor)
        return { program, files: asked.take(limits.queryHitFilesMax).toArray() }
      })
      .filter(({ files }) => files.length > 0)
  }

  /** Those that want queries. */
  get answering(): Program[] {
    this.#expire()
    return [...this.#known.values()].filter(({ answers }) => answers)
  }

  #expire(): void {
    const oldMs = this.#clock.monotonicMs() - expiredMs
    for (const [peerId, { heardMs }] of this.#known)
      if (heardMs <= oldMs) this.#known.delete(peerId)
  }
}

function hostOf(url: string): string {
  return new URL(url).hostname
}
