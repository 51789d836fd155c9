/** Starts the HTTP side of a peer, with the token that protects it. */
import { join, resolve } from 'node:path'
import { reasonOf } from '../common/errors.ts'
import { isLoopback } from '../common/hosts.ts'
import { httpsIdentityAt } from '../common/https-server.ts'
import { ownFolderName } from '../common/ids.ts'
import type { Random } from '../common/random.ts'
import type { HttpNotice } from './announce/http-notice.ts'
import type { PeerSettings } from './settings.ts'
import { CurrentToken, ensureToken, type TokenPlace, tokenPlace } from './token-file.ts'
import { Gatekeeper } from './web/gatekeeper.ts'
import { Sessions } from './web/sessions.ts'
import {
  startWeb,
  type WebDependencies,
  type WebOptions,
  type WebServer,
} from './web/web-server.ts'

type WebSettings = Pick<
  PeerSettings,
  | 'peerId'
  | 'data'
  | 'httpHost'
  | 'httpPort'
  | 'allowedHosts'
  | 'advertiseHost'
  | 'requireToken'
  | 'tokenFile'
>

interface PeerWebDependencies extends Omit<WebDependencies, 'gate'> {
  readonly random: Random
  /** Told when it listens. */
  readonly http: Pick<HttpNotice, 'onListening'>
}

/** @throws AppError ADDRESS_IN_USE, DIAL_FAILED, TOKEN_UNUSABLE if the settings name its file */
export async function startPeerWeb(
  settings: WebSettings,
  dependencies: PeerWebDependencies,
): Promise<WebServer> {
  const place = tokenPlace(settings)
  await prepareToken(place, dependencies)
  const { peerId, data, requireToken, httpHost } = settings
  const needsToken = requireToken || !isLoopback(httpHost)
  const sessions = join(resolve(data), ownFolderName, 'sessions.json')
  const identity = httpsIdentityAt(httpHost, dependencies.identity)
  const gate = new Gatekeeper(
    { peerId, needsToken, isSecure: identity !== undefined },
    {
      ...dependencies,
      token: new CurrentToken(place, dependencies),
      sessions: await Sessions.open(sessions, dependencies),
    },
  )
  const web = await startWeb(webOptions(settings), { ...dependencies, gate, identity })
  dependencies.http.onListening(web.address, { needsToken })
  return web
}

/** Without its own token a peer still does the rest of its work, and says to callers what is wrong. */
async function prepareToken(
  place: TokenPlace,
  { random, log }: PeerWebDependencies,
): Promise<void> {
  try {
    await ensureToken(place, { random })
  } catch (error) {
    if (!place.isOwn) throw error
    log.error({ reason: reasonOf(error) }, 'the token cannot be used')
  }
}

/** The names by which others reach the peer are its own. */
function webOptions(settings: WebSettings): WebOptions {
  const { peerId, httpHost, httpPort, advertiseHost = peerId, allowedHosts } = settings
  return {
    address: { host: httpHost, port: httpPort },
    allowedHosts: [peerId, advertiseHost, ...allowedHosts],
  }
}
