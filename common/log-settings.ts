import Type from 'typebox'
import { logFormats, logLevels } from './log.ts'
import { defineSettings } from './settings.ts'

export const logSettings = defineSettings('log', {
  level: {
    schema: Type.Union(logLevels.map((level) => Type.Literal(level))),
    default: 'info',
    flag: '--log-level',
    doc: `lowest level that is logged: ${logLevels.join(', ')}`,
  },
  format: {
    schema: Type.Union(logFormats.map((format) => Type.Literal(format))),
    default: 'auto',
    flag: '--log-format',
    doc: 'json on stdout, pretty on stderr, or auto: pretty on a terminal',
  },
  folder: {
    schema: Type.String({ minLength: 1 }),
    default: undefined,
    flag: '--log-folder',
    doc: 'folder for log files, with one subfolder per process; without it there are none',
  },
})
