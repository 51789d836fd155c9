import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, openDatabase } from '../sqlite.ts'
import type { TokenRole } from './cluster-role.ts'

/** A join token, without its secret. */
export interface TokenRow {
  readonly tokenId: string
  readonly role: TokenRole
  readonly createdMs: number
  readonly expiresMs: number
  /** How many may join with it; undefined for any number. */
  readonly usesMax: number | undefined
  readonly uses: number
  readonly isRevoked: boolean
  /** The member that had it made; undefined if it was made on the machine of the authority. */
  readonly createdBy: string | undefined
}

/** A join token was created or revoked. Without `by`: on the machine of the authority. */
export interface TokenNews {
  readonly kind: 'token-created' | 'token-revoked'
  readonly token: Omit<TokenRow, 'uses' | 'isRevoked'>
  readonly by: string | undefined
}

/** A process that a certificate was issued to. */
export interface MemberRow {
  readonly id: string
  readonly role: string
  readonly generation: number
  readonly keyHash: string
  readonly joinedMs: number
  /** The latest certificate. */
  readonly issuedMs: number
  readonly expiresMs: number
  /** The digest of the authority that issued it. */
  readonly issuer: string
  readonly isRevoked: boolean
  /** Whether it is the process that has the authority. */
  readonly isAuthority: boolean
}

/** A key of the cluster, PEM. */
export interface AuthorityRow {
  readonly digest: string
  readonly certificate: string
  readonly key: string
  /** Its certificate by the authority before it, if there is one that is still trusted. */
  readonly cross: string | undefined
}

const migrations = [
  `CREATE TABLE tokens (
     token_id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL, role TEXT NOT NULL, created_ms INTEGER NOT NULL,
     expires_ms INTEGER NOT NULL, uses_max INTEGER, is_revoked INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE token_uses (
     token_id TEXT NOT NULL REFERENCES tokens ON DELETE CASCADE, id TEXT NOT NULL, key_hash TEXT NOT NULL,
     used_ms INTEGER NOT NULL, PRIMARY KEY (token_id, id, key_hash)
   ) STRICT;
   CREATE TABLE members (
     id TEXT PRIMARY KEY, role TEXT NOT NULL, generation INTEGER NOT NULL, key_hash TEXT NOT NULL,
     joined_ms INTEGER NOT NULL, issued_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, issuer TEXT NOT NULL,
     is_authority INTEGER NOT NULL, is_revoked INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE authorities (
     place INTEGER PRIMARY KEY, digest TEXT NOT NULL, certificate TEXT NOT NULL, key TEXT NOT NULL, cross_signed TEXT
   ) STRICT;
   CREATE TABLE trust (number INTEGER PRIMARY KEY, signed TEXT NOT NULL) STRICT;`,
  // What happened to tokens, for the events of the process that has the authority.
  `CREATE TABLE token_news (
     seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, by_id TEXT,
     token_id TEXT NOT NULL REFERENCES tokens ON DELETE CASCADE
   ) STRICT;`,
  'ALTER TABLE tokens ADD COLUMN created_by TEXT;',
]

const fileName = 'authority.sqlite'

/** Whether the folder holds the authority of a cluster. */
export function isAuthorityFolder(folder: string): boolean {
  return existsSync(join(folder, fileName))
}

/**
 * The tokens, members and keys of a cluster, in a database that only its owner may read. The process and
 * commands on the same machine use it together.
 */
export class AuthorityStore implements Disposable {
  readonly #database: Database

  /** Opens the database, and creates it if absent. @throws AppError DATABASE_UNUSABLE, DATA_IN_USE */
  constructor(folder: string) {
    const path = join(folder, fileName)
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
    this.#database = openDatabase(path, { migrations, isShared: true })
    // What was issued or revoked must not be forgotten in a power cut.
    this.#database.pragma('synchronous = FULL')
  }

  /** Changes whenever another process has changed the database. */
  get version(): number {
    return this.#database.pragma('data_version', { simple: true }) as number
  }

  /** Runs `work` without changes of others in between. */
  transaction<T>(work: () => T): T {
    return this.#database.transaction(work).immediate()
  }

  addToken(token: Omit<TokenRow, 'uses' | 'isRevoked'> & { readonly secretHash: Buffer }): void {
    this.#run(
      'INSERT INTO tokens (token_id, secret_hash, role, created_ms, expires_ms, uses_max, created_by) VALUES (?, ?, ?, ?, ?, ?, ?)',
      token.tokenId,
      token.secretHash,
      token.role,
      token.createdMs,
      token.expiresMs,
      token.usesMax ?? null,
      token.createdBy ?? null,
    )
    this.#addNews('token-created', token.tokenId, token.createdBy)
  }

  /** All tokens, the newest first. */
  tokens(): TokenRow[] {
    const sql = `${selectTokens} ORDER BY created_ms DESC, token_id`
    return this.#database.prepare<[], RawToken>(sql).all().map(tokenOf)
  }

  token(tokenId: string): (TokenRow & { readonly secretHash: Buffer }) | undefined {
    const row = this.#database
      .prepare<[string], RawToken>(`${selectTokens} WHERE token_id = ?`)
      .get(tokenId)
    return row && { ...tokenOf(row), secretHash: row.secretHash }
  }

  /**
   * Revokes a token.
   * @param by the member that has it revoked; undefined for this machine
   * @returns whether there is one
   */
  revokeToken(tokenId: string, by: string | undefined): boolean {
    return this.transaction(() => {
      const token = this.token(tokenId)
      if (token?.isRevoked === false) {
        this.#run('UPDATE tokens SET is_revoked = 1 WHERE token_id = ?', tokenId)
        this.#addNews('token-revoked', tokenId, by)
      }
      return token !== undefined
    })
  }

  /**
   * Revokes the tokens for these roles that a member has joined with, and all that it had made; `by` as in
   * {@link revokeToken}.
   */
  revokeTokensOf(id: string, roles: readonly TokenRole[], by: string | undefined): void {
    const used = 'SELECT token_id FROM token_uses WHERE id = ?'
    const sql = `${selectTokens} WHERE is_revoked = 0 AND (created_by = ? OR token_id IN (${used}))`
    const tokens = this.#database.prepare<[string, string], RawToken>(sql).all(id, id)
    for (const { tokenId, role, createdBy } of tokens)
      if (createdBy === id || roles.includes(role)) this.revokeToken(tokenId, by)
  }

  /** What happened to tokens since this was called last. */
  takeTokenNews(): TokenNews[] {
    const news = this.#database.prepare<[], RawNews>(selectNews).all()
    for (const { seq } of news) this.#run('DELETE FROM token_news WHERE seq = ?', seq)
    return news.map(({ kind, by, ...raw }) => ({ kind, by: by ?? undefined, token: tokenOf(raw) }))
  }

  #addNews(kind: TokenNews['kind'], tokenId: string, by: string | undefined): void {
    const sql = 'INSERT INTO token_news (kind, token_id, by_id) VALUES (?, ?, ?)'
    this.#run(sql, kind, tokenId, by ?? null)
  }

  /** The members whose present keys have joined with a token, but for the one that has the authority. */
  membersOfToken(tokenId: string): MemberRow[] {
    const used =
      'SELECT 1 FROM token_uses WHERE token_id = ? AND id = members.id AND key_hash = members.key_hash'
    const sql = `${selectMembers} WHERE is_authority = 0 AND EXISTS (${used}) ORDER BY id`
    return this.#database.prepare<[string], RawMember>(sql).all(tokenId).map(memberOf)
  }

  /** Removes tokens that expired before `beforeMs`. */
  dropTokens(beforeMs: number): void {
    this.#run('DELETE FROM tokens WHERE expires_ms < ?', beforeMs)
  }

  dropToken(tokenId: string): void {
    this.#run('DELETE FROM tokens WHERE token_id = ?', tokenId)
  }

  /** Whether this key has joined as this member with the token before. */
  hasUsed(tokenId: string, id: string, keyHash: string): boolean {
    const sql = 'SELECT 1 FROM token_uses WHERE token_id = ? AND id = ? AND key_hash = ?'
    return this.#database.prepare(sql).get(tokenId, id, keyHash) !== undefined
  }

  addUse(tokenId: string, id: string, keyHash: string, usedMs: number): void {
    this.#run('INSERT INTO token_uses VALUES (?, ?, ?, ?)', tokenId, id, keyHash, usedMs)
  }

  member(id: string): MemberRow | undefined {
    const row = this.#database.prepare<[string], RawMember>(`${selectMembers} WHERE id = ?`).get(id)
    return row && memberOf(row)
  }

  members(): MemberRow[] {
    return this.#database.prepare<[], RawMember>(`${selectMembers} ORDER BY id`).all().map(memberOf)
  }

  /** Adds a member, or replaces what is known of it. */
  putMember(member: Omit<MemberRow, 'isRevoked'>): void {
    this.#run(
      'INSERT OR REPLACE INTO members (id, role, generation, key_hash, joined_ms, issued_ms, expires_ms, issuer, is_authority) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      member.id,
      member.role,
      member.generation,
      member.keyHash,
      member.joinedMs,
      member.issuedMs,
      member.expiresMs,
      member.issuer,
      member.isAuthority ? 1 : 0,
    )
  }

  markRevoked(id: string): void {
    this.#run('UPDATE members SET is_revoked = 1 WHERE id = ?', id)
  }

  /** The authorities, the oldest first; the last one issues certificates. */
  authorities(): AuthorityRow[] {
    const sql =
      'SELECT digest, certificate, key, cross_signed AS "cross" FROM authorities ORDER BY place'
    return this.#database
      .prepare<[], Omit<AuthorityRow, 'cross'> & { cross: string | null }>(sql)
      .all()
      .map(({ cross, ...row }) => ({ ...row, cross: cross ?? undefined }))
  }

  addAuthority({ digest, certificate, key, cross }: AuthorityRow): void {
    const sql =
      'INSERT INTO authorities (digest, certificate, key, cross_signed) VALUES (?, ?, ?, ?)'
    this.#run(sql, digest, certificate, key, cross ?? null)
  }

  /** Removes all authorities but the one of this digest. */
  keepAuthority(digest: string): void {
    this.#run('DELETE FROM authorities WHERE digest <> ?', digest)
    this.#run('UPDATE authorities SET cross_signed = NULL')
  }

  /** The newest trust document, as JSON. */
  signedTrust(): string | undefined {
    const sql = 'SELECT signed FROM trust ORDER BY number DESC LIMIT 1'
    return this.#database.prepare<[], { signed: string }>(sql).get()?.signed
  }

  putTrust(number: number, signed: string): void {
    this.#run('INSERT INTO trust VALUES (?, ?)', number, signed)
    this.#run('DELETE FROM trust WHERE number < ?', number)
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  #run(sql: string, ...values: (string | number | null | Buffer)[]): number {
    return this.#database.prepare(sql).run(...values).changes
  }
}

interface RawToken extends Omit<TokenRow, 'usesMax' | 'isRevoked' | 'createdBy'> {
  readonly createdBy: string | null
  readonly secretHash: Buffer
  readonly usesMax: number | null
  readonly isRevoked: number
}

interface RawNews extends RawToken {
  readonly seq: number
  readonly kind: TokenNews['kind']
  readonly by: string | null
}

interface RawMember extends Omit<MemberRow, 'isRevoked' | 'isAuthority'> {
  readonly isRevoked: number
  readonly isAuthority: number
}

const tokenColumns = `tokens.token_id AS tokenId, secret_hash AS secretHash, role, created_ms AS createdMs, expires_ms AS expiresMs,
  uses_max AS usesMax, is_revoked AS isRevoked, created_by AS createdBy, (SELECT count(*) FROM token_uses WHERE token_id = tokens.token_id) AS uses`
const selectTokens = `SELECT ${tokenColumns} FROM tokens`
const selectNews = `SELECT seq, kind, by_id AS "by", ${tokenColumns} FROM token_news JOIN tokens USING (token_id) ORDER BY seq LIMIT 100`

const selectMembers = `SELECT id, role, generation, key_hash AS keyHash, joined_ms AS joinedMs, issued_ms AS issuedMs,
  expires_ms AS expiresMs, issuer, is_authority AS isAuthority, is_revoked AS isRevoked FROM members`

function tokenOf(raw: RawToken): TokenRow {
  const { tokenId, role, createdMs, expiresMs, usesMax, uses, isRevoked } = raw
  const times = { createdMs, expiresMs }
  const used = { usesMax: usesMax ?? undefined, uses }
  const createdBy = raw.createdBy ?? undefined
  return { tokenId, role, ...times, ...used, isRevoked: isRevoked === 1, createdBy }
}

function memberOf({ isRevoked, isAuthority, ...row }: RawMember): MemberRow {
  return { ...row, isRevoked: isRevoked === 1, isAuthority: isAuthority === 1 }
}
