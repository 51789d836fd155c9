/** Parts of requests that several calls have. */
import Type from 'typebox'

/** Clients poll again after this. Well below the idle timeout of proxies. */
const waitMsMax = 30_000
export const waitQuery = Type.Object({
  waitMs: Type.Integer({ minimum: 0, maximum: waitMsMax, default: 0 }),
})
export const idParams = Type.Object({ id: Type.String() })
