import type { Log } from '../common/log.ts'

/** For commands: their errors report failures. */
export async function silentLog(): Promise<Log> {
  const { openLog } = await import('../common/log.ts')
  const options = { name: 'command', level: 'silent', format: 'auto', console: false } as const
  return (await openLog(options)).log
}
