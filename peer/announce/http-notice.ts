import { isWildcard } from '../../common/hosts.ts'
import type { HttpPlace } from '../../common/http-url.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { HttpServer } from './announcer.ts'

/** Where the HTTP server of this peer listens, which is known only once it does. */
export class HttpNotice {
  readonly #wakeUp = new WakeUp()
  #server: HttpServer | undefined

  onListening(
    { host, port, isSecure = false }: HttpPlace,
    { needsToken }: { readonly needsToken: boolean },
  ): void {
    this.#server = {
      ...(!isWildcard(host) && { host }),
      port,
      ...(needsToken && { needsToken }),
      ...(isSecure && { isSecure }),
    }
    this.#wakeUp.notify()
  }

  /** @throws the signal's reason */
  async listening(signal: AbortSignal): Promise<HttpServer> {
    return await this.#wakeUp.until(() => this.#server, signal)
  }
}
