import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AppError, reasonOf } from '../common/errors.ts'
import { clusterFolder } from '../common/identity/cluster-folder.ts'
import { ownFolderName } from '../common/ids.ts'
import type { HttpsTrust } from '../peer/api/https-trust.ts'

/**
 * What the cluster of an identity trusts to be the process of that identity; undefined if there is none
 * in the folder.
 * @throws AppError IDENTITY_UNUSABLE, DISK_FAILED
 */
export async function clusterTrust(folder: string): Promise<HttpsTrust | undefined> {
  const [{ readIdentityFiles }, { certificatesIn, readCertificate }, { isRevoked }] =
    await Promise.all([
      import('../common/identity/identity-files.ts'),
      import('../common/identity/read-certificate.ts'),
      import('../common/identity/trust.ts'),
    ])
  const files = await readIdentityFiles(folder)
  if (files === undefined) return undefined
  const { trust, chain } = files
  const [own] = certificatesIn(chain)
  const memberId = own && readCertificate(own)?.identity.id
  return { ca: trust.authorities, isRevoked: (identity) => isRevoked(trust, identity), memberId }
}

/** Where the identity of a peer is, in its data folder. */
export function peerIdentityFolder(data: string): string {
  return clusterFolder(join(resolve(data), ownFolderName))
}

/** Where the identity of an index is. */
export function indexIdentityFolder(data: string): string {
  return clusterFolder(resolve(data))
}

/** What a file of certificates trusts. @throws AppError SETTING_INVALID */
export async function fileTrust(path: string): Promise<HttpsTrust> {
  const { certificatesIn } = await import('../common/identity/read-certificate.ts')
  const refused = (reason: string): AppError =>
    new AppError('SETTING_INVALID', { origin: '--ca', path: `the file ${path}`, reason })
  try {
    const certificates = certificatesIn(await readFile(path, 'utf8'))
    if (certificates.length === 0) throw refused('has no certificate: it must be PEM')
    return { ca: certificates.map(String) }
  } catch (error) {
    throw error instanceof AppError ? error : refused(`cannot be used: ${reasonOf(error)}`)
  }
}
