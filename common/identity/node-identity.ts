import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Cancel } from '../clock.ts'
import { AppError, reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { SerialQueue } from '../serial-queue.ts'
import type { NamedIdentity, ProvenIdentity } from './cluster-role.ts'
import {
  type IdentityMaterial,
  readIdentityFiles,
  writeIdentityFiles,
  writeTrustFile,
} from './identity-files.ts'
import { authorityDigest, certificatesIn, readCertificate } from './read-certificate.ts'
import { isRevoked, parseTrust, readTrust, type SignedTrust, type Trust } from './trust.ts'

/** What TLS needs, PEM. */
export interface Credentials {
  readonly key: string
  /** Its own certificate, then those of its authority. */
  readonly cert: string
  /** The authorities that are trusted. */
  readonly ca: readonly string[]
}

interface Held {
  readonly credentials: Credentials
  readonly self: NamedIdentity
  readonly validFromMs: number
  readonly validToMs: number
  readonly issuer: string
  readonly joinedAt: string | undefined
}

/**
 * The identity of this process in a secured cluster: its key and certificate, which are renewed,
 * and whom it trusts, which changes when members are revoked or authorities replaced.
 */
export class NodeIdentity {
  readonly #folder: string
  readonly #log: Log
  #held: Held
  #signedTrust: SignedTrust
  #trust: Trust
  readonly #listeners = new Set<() => void>()
  readonly #writes = new SerialQueue()

  private constructor(
    folder: string,
    held: Held,
    trusted: { signedTrust: SignedTrust; trust: Trust },
    { log }: { log: Log },
  ) {
    this.#folder = folder
    this.#log = log
    this.#held = held
    this.#signedTrust = trusted.signedTrust
    this.#trust = trusted.trust
  }

  /**
   * The identity kept in `folder`; undefined if there is none.
   * @throws AppError IDENTITY_UNUSABLE, DISK_FAILED
   */
  static async open(
    folder: string,
    dependencies: { readonly log: Log },
  ): Promise<NodeIdentity | undefined> {
    const files = await readIdentityFiles(folder)
    if (files === undefined) return undefined
    return new NodeIdentity(folder, held(folder, files, files.trust), files, dependencies)
  }

  get self(): NamedIdentity {
    return this.#held.self
  }

  /** Read when they are used: they change. */
  get credentials(): Credentials {
    return this.#held.credentials
  }

  /** When the certificate begins and ends to be valid, in ms since 1970. */
  get validity(): { readonly fromMs: number; readonly toMs: number } {
    return { fromMs: this.#held.validFromMs, toMs: this.#held.validToMs }
  }

  /** The digest of the authority that issued the certificate. */
  get issuer(): string {
    return this.#held.issuer
  }

  /** Where it joined, `HOST:PORT`; undefined at the authority. */
  get joinedAt(): string | undefined {
    return this.#held.joinedAt
  }

  get trust(): Trust {
    return this.#trust
  }

  get signedTrust(): SignedTrust {
    return this.#signedTrust
  }

  /** Whether an identity of a valid certificate may talk to this process. */
  isWelcome(proven: NamedIdentity): boolean {
    return proven.cluster === this.self.cluster && !isRevoked(this.#trust, proven)
  }

  /** Whether the identity has been revoked. */
  isRevoked(proven: ProvenIdentity): boolean {
    return isRevoked(this.#trust, proven)
  }

  /**
   * Takes over a newer trust document that a trusted authority has signed, and keeps it.
   * @returns whether it is newer
   * @throws AppError TRUST_REFUSED if it is not signed by a trusted authority, or of another cluster
   */
  accept(signedTrust: SignedTrust): boolean {
    const trust = readTrust(signedTrust, this.#trust.authorities)
    if (trust === undefined || trust.cluster !== this.self.cluster)
      throw new AppError('TRUST_REFUSED')
    return this.#take(trust, signedTrust)
  }

  /**
   * Takes over a newer trust document of the authority that is in the same process: its database is believed
   * without a signature.
   * @returns whether it is newer
   * @throws AppError TRUST_REFUSED if it is malformed or of another cluster
   */
  acceptOwn(signedTrust: SignedTrust): boolean {
    const trust = parseTrust(signedTrust.text)
    if (trust === undefined || trust.cluster !== this.self.cluster)
      throw new AppError('TRUST_REFUSED')
    return this.#take(trust, signedTrust)
  }

  #take(trust: Trust, signedTrust: SignedTrust): boolean {
    if (trust.number <= this.#trust.number) return false
    this.#trust = trust
    this.#signedTrust = signedTrust
    this.#held = {
      ...this.#held,
      credentials: { ...this.#held.credentials, ca: trust.authorities },
    }
    void this.#writes
      .run(() => writeTrustFile(this.#folder, this.#signedTrust))
      .catch((error: unknown) =>
        this.#log.error({ reason: reasonOf(error) }, 'a trust document cannot be kept'),
      )
    this.#changed()
    return true
  }

  /**
   * Replaces key and certificate, on disk first.
   * @throws AppError IDENTITY_UNUSABLE, DISK_FULL, DISK_FAILED
   */
  async replace(material: Omit<IdentityMaterial, 'joinedAt'>): Promise<void> {
    this.accept(material.signedTrust)
    this.#checkRenewed(material)
    const { joinedAt } = this.#held
    const next = held(this.#folder, { ...material, joinedAt }, this.#trust)
    await this.#writes.run(async () => {
      const signedTrust = this.#signedTrust
      await writeIdentityFiles(this.#folder, { ...material, signedTrust, joinedAt })
    })
    const { ca } = this.#held.credentials
    this.#held = { ...next, credentials: { ...next.credentials, ca } }
    this.#changed()
  }

  /** A new certificate must be for the same key and identity, and of a trusted authority. */
  #checkRenewed({ key, chain }: Pick<IdentityMaterial, 'key' | 'chain'>): void {
    const [own, issuer] = certificatesIn(chain)
    const read = own && readCertificate(own)
    const isIssued =
      own !== undefined &&
      issuer !== undefined &&
      own.verify(issuer.publicKey) &&
      own.checkPrivateKey(createPrivateKey(key)) &&
      this.#trust.authorities.some(
        (pem) => authorityDigest(new X509Certificate(pem)) === authorityDigest(issuer),
      )
    const { id, cluster, generation } = this.self
    const isOwn =
      read?.identity.id === id &&
      read.identity.cluster === cluster &&
      read.identity.generation === generation
    if (!isIssued || !isOwn)
      throw new AppError('CERTIFICATE_REFUSED', {
        reason: 'the new one is not of this cluster’s authority for this member',
      })
  }

  /** Calls `callback` after each change of credentials or trust. */
  onChange(callback: () => void): Cancel {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  /** Resolves when everything accepted so far is on disk. */
  async written(): Promise<void> {
    await this.#writes.run(async () => {})
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

function held(folder: string, material: IdentityMaterial, trust: Trust): Held {
  const { key, chain, joinedAt } = material
  const [own, issuer] = certificatesIn(chain)
  const read = own && readCertificate(own)
  if (read === undefined || issuer === undefined)
    throw new AppError('IDENTITY_UNUSABLE', { folder, reason: 'its certificate is incomplete' })
  const { identity, validFromMs, validToMs } = read
  return {
    credentials: { key, cert: chain, ca: trust.authorities },
    self: identity,
    validFromMs,
    validToMs,
    issuer: authorityDigest(issuer),
    joinedAt,
  }
}
