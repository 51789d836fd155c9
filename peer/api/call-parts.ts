/** Parts of requests and replies that several calls have. */
import Type from 'typebox'
import { messages } from '../../common/protocol/messages.ts'

/** Clients poll again after this. Well below the idle timeout of proxies. */
const waitMsMax = 30_000
export const waitQuery = Type.Object({
  waitMs: Type.Integer({ minimum: 0, maximum: waitMsMax, default: 0 }),
})
export const idParams = Type.Object({ id: Type.String() })
export const Sha256 = messages.accuse.request.properties.sha256
export const next = Type.Optional(
  Type.String({ description: 'Present if more follow: the `after` of the next page.' }),
)
