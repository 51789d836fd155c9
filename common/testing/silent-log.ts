import pino from 'pino'
import type { Log } from '../log.ts'

/** For tests that are not about the log. */
export const silentLog: Log = pino({ level: 'silent' })
