/**
 * The folders of a peer, and the only code that converts names to paths and back.
 *
 *   <data>/shared/<name>  downloaded/<name>  replicated/<owner>/<name>      what the user sees
 *   <data>/replicated/.replaced/<owner>/<hash>/<name>               replaced versions of replicas
 *   <data>/.tandem/catalog.db  incoming/                                    the peer's own
 *
 * A file's name is its path below one of the first three, in Unicode normal form C; its disk name is
 * the same path as the file system spells it.
 */
import { readdir, readlink, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { AppError, reasonOf } from '../../common/errors.ts'
import { isPeerId, isSha256, nameProblem, windowsNameProblem } from '../../common/ids.ts'
import { makeFolder } from '../../common/make-folder.ts'
import type { CopyKey, CopyKind } from '../../common/protocol/messages.ts'

/** In replicated/, so that a replica can be moved there; no peer id starts with a dot. */
const asideFolder = '.replaced'

/** One of the folders whose files are shared with others. */
export interface Root {
  readonly kind: CopyKind
  /** Defined if and only if `kind` is `replicated`. */
  readonly owner?: string
  /** For replicas that were moved aside: the hash of their content. */
  readonly version?: string
  readonly path: string
}

/** The place of a file below a root, whether it exists or not. */
export interface Location extends CopyKey {
  readonly root: string
  readonly diskName: string
  readonly path: string
}

export class Folders {
  readonly data: string
  readonly shared: string
  readonly downloaded: string
  readonly replicated: string
  readonly catalog: string
  readonly incoming: string

  /** @param data the absolute path of the peer's data folder */
  constructor(data: string) {
    this.data = data
    this.shared = join(data, 'shared')
    this.downloaded = join(data, 'downloaded')
    this.replicated = join(data, 'replicated')
    this.catalog = join(data, '.tandem', 'catalog.db')
    this.incoming = join(data, '.tandem', 'incoming')
  }

  /**
   * Creates the peer's own folders; FolderGuard creates those that the user sees.
   * @throws AppError DISK_FAILED
   */
  async create(): Promise<void> {
    await createFolder(this.incoming)
  }

  /** Creates shared/, downloaded/ or replicated/. @throws AppError DISK_FAILED */
  async createRoot(path: string): Promise<void> {
    await createFolder(path)
  }

  root({ kind, owner, version }: Pick<CopyKey, 'kind' | 'owner' | 'version'>): Root {
    if (kind !== 'replicated' || owner === undefined) return { kind, path: this[kind] }
    if (version !== undefined)
      return { kind, owner, version, path: join(this.replicated, asideFolder, owner, version) }
    return { kind, owner, path: join(this.replicated, owner) }
  }

  /** All existing roots. @throws errors of listing replicated/ */
  async roots(): Promise<Root[]> {
    const own = [this.root({ kind: 'shared' }), this.root({ kind: 'downloaded' })]
    const items = await readdir(this.replicated, { withFileTypes: true })
    const owners = items.filter((item) => item.isDirectory() && isPeerId(item.name))
    const replicas = owners.map(({ name }) => this.root({ kind: 'replicated', owner: name }))
    return [...own, ...replicas, ...(await this.#asideRoots())]
  }

  async #asideRoots(): Promise<Root[]> {
    const aside = join(this.replicated, asideFolder)
    const owners = await readdir(aside).catch(() => [])
    const roots: Root[] = []
    for (const owner of owners.filter(isPeerId))
      for (const version of await readdir(join(aside, owner)).catch(() => []))
        if (isSha256(version)) roots.push(this.root({ kind: 'replicated', owner, version }))
    return roots
  }

  /** The place of the file with this disk name; its name is the same unless given. */
  at(
    { kind, owner, version, path: root }: Root,
    diskName: string,
    name = nameOn(diskName),
  ): Location {
    return {
      kind,
      ...(owner === undefined ? {} : { owner }),
      ...(version === undefined ? {} : { version }),
      name,
      root,
      diskName,
      path: join(root, diskName),
    }
  }

  /** The place for a file of this key. @throws AppError NAME_INVALID */
  place({ name, ...of }: CopyKey): Location {
    const reason = unusableName(name)
    if (reason !== undefined)
      throw new AppError('NAME_INVALID', { name: name.slice(0, 200), reason })
    return this.at(this.root(of), name)
  }

  /** The location of an absolute path; undefined if it is below no root. */
  locate(path: string): Location | undefined {
    const [kind, ...rest] = relative(this.data, path).split(sep)
    if (kind === 'replicated') {
      if (rest[0] === asideFolder) return this.#locateAside(rest.slice(1))
      const owner = rest.shift()
      if (owner === undefined || !isPeerId(owner) || rest.length === 0) return undefined
      return this.at(this.root({ kind, owner }), rest.join('/'))
    }
    if ((kind !== 'shared' && kind !== 'downloaded') || rest.length === 0) return undefined
    return this.at(this.root({ kind }), rest.join('/'))
  }

  #locateAside([owner, version, ...rest]: readonly string[]): Location | undefined {
    if (owner === undefined || !isPeerId(owner) || rest.length === 0) return undefined
    if (version === undefined || !isSha256(version)) return undefined
    return this.at(this.root({ kind: 'replicated', owner, version }), rest.join('/'))
  }
}

/**
 * Creates a folder unless it, or a link to one, exists.
 * @throws errors of the disk; why the link is broken
 */
async function makeOrFollow(path: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined)
  if (target === undefined) return await makeFolder(path)
  await stat(path).catch(() => {
    throw new Error(`it is a link to '${target}', which does not exist; is its disk mounted?`)
  })
}

async function createFolder(path: string): Promise<void> {
  try {
    await makeOrFollow(path)
  } catch (error) {
    const details = { action: 'create the folder', path, reason: reasonOf(error) }
    throw new AppError('DISK_FAILED', details, { cause: error })
  }
}

/** The name of a file with this disk name. */
export function nameOn(diskName: string): string {
  return diskName.normalize('NFC')
}

/** Why a name cannot be used on this machine; undefined if it can. */
export function unusableName(name: string): string | undefined {
  return nameProblem(name) ?? (process.platform === 'win32' ? windowsNameProblem(name) : undefined)
}
