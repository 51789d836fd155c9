import { systemClock } from '../clock.ts'
import type { HttpsIdentity } from '../https-server.ts'
import {
  issueCertificate,
  type KeyedCertificate,
  makeAuthority,
  makeRequest,
  readRequest,
} from '../identity/x509.ts'
import { systemRandom } from '../random.ts'

const dayMs = 86_400_000

/** An authority of a cluster, for tests of those who trust it. */
export class TestAuthority {
  readonly #keyed: KeyedCertificate

  static async create(): Promise<TestAuthority> {
    const validity = { nowMs: systemClock.nowMs(), forMs: dayMs }
    return new TestAuthority(await makeAuthority(validity, systemRandom))
  }

  private constructor(keyed: KeyedCertificate) {
    this.#keyed = keyed
  }

  /** Its certificate, PEM. */
  get ca(): string {
    return this.#keyed.certificate
  }

  /** A key and a certificate for a peer of this id, reached under these names. */
  async issue(
    id: string,
    { names = ['localhost', '127.0.0.1'], ageMs = 0 }: { names?: string[]; ageMs?: number } = {},
  ): Promise<HttpsIdentity['credentials']> {
    const { key, request } = await makeRequest(id)
    const read = await readRequest(request)
    if (read === undefined) throw new Error('its own request is invalid')
    const cluster = '0123456789abcdef'
    const identity = { cluster, role: 'peer', id, generation: 1, isAuthority: false } as const
    const options = { identity, names, nowMs: systemClock.nowMs() - ageMs, forMs: dayMs }
    const cert = await issueCertificate(read.publicKey, this.#keyed, options, systemRandom)
    return { key, cert: `${cert}\n${this.ca}`, ca: [this.ca] }
  }
}

/** An identity whose certificate can be replaced. */
export class TestIdentity implements HttpsIdentity {
  credentials: HttpsIdentity['credentials']
  readonly #listeners = new Set<() => void>()

  constructor(credentials: HttpsIdentity['credentials']) {
    this.credentials = credentials
  }

  onChange(callback: () => void): () => void {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  replace(credentials: HttpsIdentity['credentials']): void {
    this.credentials = credentials
    for (const listener of this.#listeners) listener()
  }

  /** The number of parts that follow its changes. */
  get followers(): number {
    return this.#listeners.size
  }
}
