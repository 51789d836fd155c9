/**
 * Makes keys, certificates and certificate requests: the only user of the X.509 library, loaded when
 * it is needed (70 ms).
 */
import 'reflect-metadata'
import { createHash, createPrivateKey, createPublicKey, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import type { Random } from '../random.ts'
import { randomId } from '../random.ts'
import { identityUri, type NamedIdentity } from './cluster-role.ts'

x509.cryptoProvider.set(forLibrary(webcrypto))

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** Certificates are valid this long before they are issued: clocks differ. */
const backdatedMs = 2 * 3_600_000
const serialBytes = 16

/** A certificate and its key, PEM. */
export interface KeyedCertificate {
  readonly key: string
  readonly certificate: string
}

/** What a request for a certificate proves: that the requester has the key. */
export interface ReadRequest {
  /** SHA-256 of the public key, in hexadecimal digits. */
  readonly keyHash: string
  readonly publicKey: webcrypto.CryptoKey
}

interface Validity {
  readonly nowMs: number
  readonly forMs: number
}

/** A self-signed certificate of a new authority. */
export async function makeAuthority(
  { nowMs, forMs }: Validity,
  random: Random,
): Promise<KeyedCertificate> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    // Names of authorities differ, so that one can replace another.
    name: `CN=Tandem cluster authority ${randomId(random, 4)}`,
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + forMs),
    signingAlgorithm: algorithm,
    keys: forLibrary(keys),
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(forLibrary(keys.publicKey)),
    ],
  })
  return { key: await keyPem(keys.privateKey), certificate: certificate.toString('pem') }
}

/**
 * The certificate of a new authority, issued by the one before it: who trusts only that one accepts
 * certificates of the new one with it.
 */
export async function crossSign(
  next: KeyedCertificate,
  signer: KeyedCertificate,
  { nowMs, forMs }: Validity,
  random: Random,
): Promise<string> {
  const subject = new x509.X509Certificate(next.certificate)
  const publicKey = await subject.publicKey.export()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: subject.subject,
    issuer: new x509.X509Certificate(signer.certificate).subject,
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + forMs),
    signingKey: forLibrary(privateKeyOf(signer.key)),
    publicKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return certificate.toString('pem')
}

/**
 * A request for a certificate, and the key that it is signed with.
 * @param key the key, PEM; a new one by default
 */
export async function makeRequest(
  id: string,
  key?: string,
): Promise<{ key: string; request: string }> {
  const keys = key === undefined ? await newKeys() : keysOf(key)
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${id}`,
    keys: forLibrary(keys),
    signingAlgorithm: algorithm,
  })
  return { key: key ?? (await keyPem(keys.privateKey)), request: request.toString('pem') }
}

/** Reads a request; undefined if it is malformed, of another kind of key, or not signed with it. */
export async function readRequest(pem: string): Promise<ReadRequest | undefined> {
  try {
    const request = new x509.Pkcs10CertificateRequest(pem)
    const { rawData } = request.publicKey
    const key = createPublicKey({ key: Buffer.from(rawData), format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined
    if (!(await request.verify())) return undefined
    const publicKey = key.toCryptoKey(algorithm, true, ['verify'])
    return { keyHash: createHash('sha256').update(Buffer.from(rawData)).digest('hex'), publicKey }
  } catch {
    return undefined
  }
}

/** What a certificate says besides whose key it is. */
export interface CertificateOptions extends Validity {
  readonly identity: NamedIdentity
  /** Names and addresses under which the process is reached over HTTPS. */
  readonly names: readonly string[]
}

/** Issues a certificate, PEM. */
export async function issueCertificate(
  publicKey: webcrypto.CryptoKey,
  signer: KeyedCertificate,
  { identity, names, nowMs, forMs }: CertificateOptions,
  random: Random,
): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: `CN=${identity.id}`,
    issuer: new x509.X509Certificate(signer.certificate).subject,
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + forMs),
    signingKey: forLibrary(privateKeyOf(signer.key)),
    publicKey: forLibrary(publicKey),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: identityUri(identity) },
        ...names.map((name) => ({ type: isIP(name) !== 0 ? 'ip' : 'dns', value: name }) as const),
      ]),
    ],
  })
  return certificate.toString('pem')
}

/** The library knows the DOM's types of the same objects. */
function forLibrary(object: object): never {
  return object as never
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const exported = await webcrypto.subtle.exportKey('pkcs8', key)
  return x509.PemConverter.encode(exported, 'PRIVATE KEY')
}

function keysOf(pem: string): webcrypto.CryptoKeyPair {
  const publicKey = createPublicKey(pem).toCryptoKey(algorithm, true, ['verify'])
  return { privateKey: privateKeyOf(pem), publicKey }
}

function privateKeyOf(pem: string): webcrypto.CryptoKey {
  return createPrivateKey(pem).toCryptoKey(algorithm, false, ['sign'])
}

/** Positive, and never 0. */
function serialNumber(random: Random): string {
  return `01${randomId(random, serialBytes)}`
}
