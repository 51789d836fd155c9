import { join } from 'node:path'
import { type Clock, systemClock } from '../clock.ts'
import { Authority } from '../identity/authority.ts'
import type { CertifiedRole, TokenRole } from '../identity/cluster-role.ts'
import { writeIdentityFiles } from '../identity/identity-files.ts'
import { NodeIdentity } from '../identity/node-identity.ts'
import { makeRequest } from '../identity/x509.ts'
import { systemRandom } from '../random.ts'
import { silentLog } from './silent-log.ts'
import { temporaryFolder } from './temp-folder.ts'

type TempFolder = Awaited<ReturnType<typeof temporaryFolder>>

/** A secured cluster in a temporary folder, with identities for any number of members. */
export class TestCluster implements AsyncDisposable {
  readonly authority: Authority
  /** The identity of the process that has the authority. */
  readonly own: NodeIdentity
  readonly folder: string
  readonly #temp: TempFolder
  readonly #members: NodeIdentity[] = []

  private constructor(temp: TempFolder, authority: Authority, own: NodeIdentity) {
    this.#temp = temp
    this.folder = temp.path
    this.authority = authority
    this.own = own
  }

  static async create({
    role = 'index',
    id = 'index',
    clock = systemClock,
  }: {
    role?: CertifiedRole
    id?: string
    clock?: Clock
  } = {}): Promise<TestCluster> {
    const temp = await temporaryFolder()
    const folder = join(temp.path, 'authority')
    const names = ['localhost', '127.0.0.1']
    const dependencies = { clock, random: systemRandom }
    const { authority, material } = await Authority.create(
      folder,
      { role, id, names },
      dependencies,
    )
    await writeIdentityFiles(folder, material)
    const own = await NodeIdentity.open(folder, { log: silentLog })
    if (own === undefined) throw new Error('the authority has no identity')
    return new TestCluster(temp, authority, own)
  }

  /**
   * The identity of a new member.
   * @param clock of the authority when it issues the certificate; its own by default
   */
  async member(id: string, role: TokenRole = 'peer', clock?: Clock): Promise<NodeIdentity> {
    const folder = join(this.#temp.path, id)
    using other = clock && Authority.open(this.authorityFolder, { clock, random: systemRandom })
    const authority = other ?? this.authority
    const secret = authority.tokens.create({ role, forMs: 60_000 })
    const { key, request } = await makeRequest(id)
    const issued = await authority.join({
      secret,
      id,
      request,
      names: ['localhost', '127.0.0.1'],
    })
    await writeIdentityFiles(folder, {
      key,
      chain: issued.certificate,
      signedTrust: issued.trust,
    })
    const identity = await NodeIdentity.open(folder, { log: silentLog })
    if (identity === undefined) throw new Error(`${id} has no identity`)
    this.#members.push(identity)
    return identity
  }

  get authorityFolder(): string {
    return join(this.folder, 'authority')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.authority[Symbol.dispose]()
    for (const identity of [this.own, ...this.#members]) await identity.written()
    await this.#temp[Symbol.asyncDispose]()
  }
}
