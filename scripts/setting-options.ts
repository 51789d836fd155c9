import { Command, Option } from 'commander'
import type { Settings, SettingsTable } from '../common/settings.ts'

/**
 * Adds the flags of these settings, and --config, to `command`. The settings keep their defaults.
 */
export function addSettingOptions(
  command: Command,
  sections: readonly Settings<SettingsTable>[],
): Command {
  for (const { table } of sections)
    for (const row of Object.values(table)) {
      if (row.flag === undefined) continue
      const isEither = row.default === undefined && isBoolean(row.schema)
      const isSwitch = row.default === false || isEither
      command.addOption(
        new Option(isSwitch ? row.flag : `${row.flag} <value>`, row.doc + defaultText(row.default)),
      )
      if (isEither)
        command.addOption(new Option(row.flag.replace('--', '--no-'), `turn off ${row.flag}`))
    }
  return command.option(
    '--config <file>',
    'settings file (default: config/config.json, if it exists)',
  )
}

function isBoolean(schema: object): boolean {
  return 'type' in schema && schema.type === 'boolean'
}

function defaultText(value: unknown): string {
  return (typeof value === 'string' && value !== '') || typeof value === 'number'
    ? ` (default: ${value})`
    : ''
}
