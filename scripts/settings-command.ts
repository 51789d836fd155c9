import { Command } from 'commander'
import { logSettings } from '../common/log-settings.ts'
import {
  configFile,
  loadSettings,
  type Origin,
  type SettingSection,
  variableOf,
} from '../common/settings.ts'
import { loadIndexSettings } from '../indexing-server/settings.ts'
import { printable, printableJson } from '../peer/cli/printable.ts'
import { tableText } from '../peer/cli/table.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import { limitSettings } from '../peer/limit/limit-settings.ts'
import { loadPeerSettings } from '../peer/settings.ts'

interface Options {
  readonly peer?: string
  readonly config?: string
  readonly json?: boolean
}

interface Row {
  readonly setting: string
  /** null if unset. */
  readonly value: string | number | boolean | readonly unknown[] | null
  readonly origin: string
  readonly variable: string
}

/** `tandem settings`: the settings of a process started now in this folder, and their origins. */
export function settingsCommand(terminal: Terminal): Command {
  return new Command('settings')
    .description('Shows the value, origin and environment variable of every setting.')
    .option('--peer <id>', 'peer whose settings to show (default: as configured, or peer1)')
    .option('--config <file>', 'settings file (default: config/config.json, if it exists)')
    .option('--json', 'print JSON, for programs')
    .action(async (options: Options) => {
      const rows = effectiveSettings(options)
      await terminal.print(options.json ? printableJson(rows, 2) : rowsText(rows, terminal))
    })
}

/** @throws AppError SETTING_INVALID, PEER_ID_INVALID */
function effectiveSettings({ peer, config }: Options): Row[] {
  const file = configFile(config)
  return [
    ...rowsOf('index', loadIndexSettings({ file })),
    ...rowsOf('peer', loadPeerSettings({ file, flags: { peer } })),
    ...rowsOf('limits', loadSettings(limitSettings, { file })),
    ...rowsOf('log', loadSettings(logSettings, { file })),
  ]
}

function rowsOf(
  section: SettingSection,
  {
    values,
    origins,
  }: {
    values: Readonly<Record<string, unknown>>
    origins: Readonly<Record<string, Origin>>
  },
): Row[] {
  return Object.entries(values).map(([key, value]) => ({
    setting: `${section}.${key}`,
    value: value === undefined ? null : (value as Row['value']),
    origin: origins[key] ?? 'default',
    variable: variableOf(section, key),
  }))
}

function valueText(value: Row['value']): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
  return ['null', '', '[]'].includes(text) ? '-' : printable(text)
}

function rowsText(rows: readonly Row[], terminal: Terminal): string {
  return tableText(
    [
      { title: 'SETTING' },
      { title: 'VALUE' },
      { title: 'FROM' },
      { title: 'ENVIRONMENT VARIABLE' },
    ],
    rows.map(({ setting, value, origin, variable }) => [
      setting,
      valueText(value),
      origin === 'default' ? terminal.style('dim', origin) : printable(origin),
      terminal.style('dim', variable),
    ]),
    (title) => terminal.style('bold', title),
  )
}
