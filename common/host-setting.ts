import { AppError } from './errors.ts'
import { normalHost } from './hosts.ts'

/** Why a host is invalid, as the end of a sentence about the setting. */
export type HostCheck = (host: string) => string | undefined

/** A setting that holds a host. */
export interface HostSetting {
  readonly section: string
  readonly key: string
  readonly text: string
  /** Where the value was set. */
  readonly origin: string
}

/** The host without the brackets around an IPv6 address. @throws AppError SETTING_INVALID */
export function checkedHost(
  { section, key, text, origin }: HostSetting,
  problemOf: HostCheck,
): string {
  const host = normalHost(text)
  const reason = problemOf(host)
  if (reason === undefined) return host
  throw new AppError('SETTING_INVALID', { origin, path: `${section}.${key}`, reason })
}
