/** What a client of HTTPS accepts: members of the cluster, known by their ids, or servers of a host. */
import type { ConnectionOptions, PeerCertificate } from 'node:tls'
import { systemErrorCode } from '../../common/errors.ts'
import { type NamedIdentity, parseIdentityUri } from '../../common/identity/cluster-role.ts'

/** What an HTTPS client trusts. */
export interface HttpsTrust {
  /** Certificates of authorities, PEM. */
  readonly ca: readonly string[]
  /** The member that must answer; undefined: any server whose certificate is for the host of the URL. */
  readonly memberId?: string | undefined
  /** Whether a member with a valid certificate is refused all the same. */
  readonly isRevoked?: (identity: NamedIdentity) => boolean
}

/** Options of a request over TLS. A certificate for the host is required unless a member is expected. */
export function tlsOptionsOf({
  ca,
  memberId,
  isRevoked = () => false,
}: HttpsTrust): Pick<ConnectionOptions, 'ca' | 'checkServerIdentity' | 'minVersion'> {
  const { checkServerIdentity } = process.getBuiltinModule('node:tls')
  return {
    ca: [...ca],
    minVersion: 'TLSv1.3',
    checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
      const member = memberOf(certificate)
      if (member !== undefined && isRevoked(member))
        return new WrongServer(`the cluster has revoked the certificate of ${member.id}`)
      if (memberId === undefined) return checkServerIdentity(host, certificate)
      if (member?.id === memberId) return undefined
      return new WrongServer(`its certificate is that of ${member?.id ?? 'no member of a cluster'}`)
    },
  }
}

/** A valid certificate of the wrong server; the message is the end of a sentence. */
class WrongServer extends Error {
  override readonly name = 'WrongServer'
}

function memberOf({ subjectaltname = '' }: PeerCertificate): NamedIdentity | undefined {
  const [uri, ...others] = subjectaltname.split(', ').filter((name) => name.startsWith('URI:'))
  return uri === undefined || others.length > 0 ? undefined : parseIdentityUri(uri.slice(4))
}

const reasons: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'CERT_SIGNATURE_FAILURE',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ].map((code) => [code, 'its certificate is of an authority that is not trusted here']),
  ),
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this machine is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other host names',
}

/** Why TLS has not accepted the server, as the end of a sentence; undefined for other errors. */
export function distrustOf(error: unknown): string | undefined {
  if (error instanceof WrongServer) return error.message
  const code = systemErrorCode(error) ?? ''
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return 'it speaks no TLS 1.3'
  return reasons[code]
}
