/** What a process is in a secured cluster, as its certificate states it. */
export const clusterRoles = ['index', 'admin', 'peer', 'reader', 'joiner'] as const
/**
 * `admin` is a peer with more rights; `reader` looks up and downloads; `joiner` has no certificate
 * yet, and may only ask for one.
 */
export type ClusterRole = (typeof clusterRoles)[number]

/** The roles that certificates are issued for. */
export type CertifiedRole = Exclude<ClusterRole, 'joiner'>
/** The roles that a join token may give, those with more rights first. */
export const tokenRoles = ['admin', 'peer', 'reader'] as const
export type TokenRole = (typeof tokenRoles)[number]

/** The roles with more rights than this one, of those that a join token may give. */
export function rolesAbove(role: TokenRole): readonly TokenRole[] {
  return tokenRoles.slice(0, tokenRoles.indexOf(role))
}

/** Who the other side of a connection has proven to be. */
export interface ProvenIdentity {
  readonly role: ClusterRole
  /** The id of the peer, reader or index; empty for a joiner. */
  readonly id: string
  /** Grows each time the id is given to a new key, or loses rights. */
  readonly generation: number
  /** Whether it issues the certificates of the cluster. */
  readonly isAuthority: boolean
}

export const joinerIdentity: ProvenIdentity = {
  role: 'joiner',
  id: '',
  generation: 0,
  isAuthority: false,
}

/** An identity with the cluster that it belongs to, as certificates carry it. */
export interface NamedIdentity extends ProvenIdentity {
  readonly role: CertifiedRole
  /** The cluster's id: 16 hexadecimal digits. */
  readonly cluster: string
}

const pattern =
  /^tandem:\/\/([0-9a-f]{16})\/(index|admin|peer|reader)\/([A-Za-z0-9._-]{1,64})\?generation=(\d{1,9})(&authority=1)?$/

/** The URI that a certificate carries as its subject alternative name. */
export function identityUri(identity: NamedIdentity): string {
  const { cluster, role, id, generation, isAuthority } = identity
  const suffix = isAuthority ? '&authority=1' : ''
  return `tandem://${cluster}/${role}/${id}?generation=${generation}${suffix}`
}

/** Parses what {@link identityUri} makes; undefined if it is anything else. */
export function parseIdentityUri(uri: string): NamedIdentity | undefined {
  const [, cluster, role, id, generation, authority] = pattern.exec(uri) ?? []
  if (cluster === undefined || id === undefined) return undefined
  return {
    cluster,
    role: role as CertifiedRole,
    id,
    generation: Number(generation),
    isAuthority: authority !== undefined,
  }
}
