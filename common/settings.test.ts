import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import Type from 'typebox'
import { describe, expect, test } from 'vitest'
import { logSettings } from './log-settings.ts'
import {
  configFile,
  defineSettings,
  type LoadedSettings,
  loadSettings,
  type SettingSources,
  variableOf,
} from './settings.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

const settings = defineSettings('peer', {
  httpPort: {
    schema: Type.Integer({ minimum: 1, maximum: 65_535 }),
    default: 8100,
    flag: '--http-port',
    doc: 'port of the HTTP API',
  },
  headless: { schema: Type.Boolean(), default: false, flag: '--headless', doc: 'no prompt' },
  zone: { schema: Type.String({ minLength: 1 }), default: undefined, doc: 'where it stands' },
  factorByPattern: {
    schema: Type.Record(Type.String(), Type.Integer({ minimum: 1 })),
    default: {},
    doc: 'replication factors',
  },
})

/** Loads from the given sources only, not from this process's environment. */
function load(sources: SettingSources = {}): LoadedSettings<typeof settings.table> {
  return loadSettings(settings, { environment: {}, ...sources })
}

/** Loads with a config file of this text in its own folder. */
async function loadFile(
  text: string,
  sources: SettingSources = {},
): Promise<LoadedSettings<typeof settings.table>> {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'config.json')
  await writeFile(path, text)
  return load({ file: { path, isOptional: false }, ...sources })
}

describe('a value comes from', () => {
  const file = JSON.stringify({ peer: { httpPort: 2 } })

  test('the default', () => {
    const { values, origins } = load()
    // Compiles only if values have the types of their schemas.
    const port: number = values.httpPort
    const zone: string | undefined = values.zone
    expect([port, zone]).toEqual([8100, undefined])
    expect(origins.httpPort).toBe('default')
  })

  test('the file before the default', async () => {
    const { values, origins } = await loadFile(file)
    expect(values).toEqual({ httpPort: 2, headless: false, zone: undefined, factorByPattern: {} })
    expect(origins.httpPort).toMatch(/config\.json$/)
    expect(origins.headless).toBe('default')
  })

  test('the environment before the file', async () => {
    const { values, origins } = await loadFile(file, {
      environment: { TANDEM_PEER_HTTP_PORT: '3' },
    })
    expect(values.httpPort).toBe(3)
    expect(origins.httpPort).toBe('TANDEM_PEER_HTTP_PORT')
  })

  test('a flag before the environment', async () => {
    const { values, origins } = await loadFile(file, {
      environment: { TANDEM_PEER_HTTP_PORT: '3' },
      flags: { httpPort: '4', headless: true },
    })
    expect(values).toMatchObject({ httpPort: 4, headless: true })
    expect(origins).toMatchObject({ httpPort: '--http-port', headless: '--headless' })
  })

  test('no flag that was not given, no empty variable, no foreign variable', () => {
    const { origins } = load({
      environment: { TANDEM_PEER_HTTP_PORT: '', HTTP_PORT: '3', TANDEM_CONFIG: 'x.json' },
      flags: { httpPort: undefined, json: true },
    })
    expect(origins.httpPort).toBe('default')
  })

  test('the section of its own process, beside other sections', async () => {
    const { values } = await loadFile(JSON.stringify({ index: { port: 1 }, log: {}, peer: {} }), {
      environment: { TANDEM_INDEX_PORT: '9', TANDEM_LOG_LEVEL: 'debug' },
    })
    expect(values.httpPort).toBe(8100)
  })
})

describe('the file is refused when', () => {
  test.each([
    ['{"pear": {}}', 'pear is not a setting; the nearest one is peer.'],
    [
      '{"peer": {"htpPort": 1}}',
      'peer.htpPort is not a setting; the nearest one is peer.httpPort.',
    ],
    ['{"peer": {"xyz": 1}}', 'peer.xyz is not a setting.'],
    ['{"peer": {"__proto__": 1}}', 'peer.__proto__ is not a setting.'],
    ['{"peer": []}', 'peer must be an object of settings.'],
    ['[]', 'the file must contain an object of sections.'],
    [
      '{"peer": {"httpPort": "7"}}',
      "peer.httpPort must be a whole number from 1 to 65535, not '7'.",
    ],
    [
      '{"peer": {"httpPort": 70000}}',
      'peer.httpPort must be a whole number from 1 to 65535, not 70000.',
    ],
    [
      '{"peer": {"httpPort": null}}',
      'peer.httpPort must be a whole number from 1 to 65535, not null.',
    ],
    ['{"peer": {"headless": 1}}', 'peer.headless must be true or false, not 1.'],
    ['{"peer": {"zone": ""}}', "peer.zone must not have fewer than 1 characters, not ''."],
    [
      '{"peer": {"factorByPattern": {"*.tmp": 0}}}',
      'peer.factorByPattern.*.tmp must be >= 1, not 0.',
    ],
  ])('it holds %s', async (text, sentence) => {
    await expect(loadFile(text)).rejects.toMatchObject({
      code: 'SETTING_INVALID',
      message: expect.stringMatching(/config\.json: /) as string,
    })
    await expect(loadFile(text)).rejects.toThrow(`config.json: ${sentence}`)
  })

  test('it is not JSON', async () => {
    await expect(loadFile('{"peer":')).rejects.toThrow(/config\.json: the file is not JSON: /)
  })

  test('it is named and absent, or cannot be read', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'config.json')
    expect(load({ file: { path, isOptional: true } }).values.httpPort).toBe(8100)
    expect(() => load({ file: { path, isOptional: false } })).toThrow(
      `${path}: the file does not exist.`,
    )
    await mkdir(path)
    expect(() => load({ file: { path, isOptional: true } })).toThrow(
      `${path}: the file cannot be read: `,
    )
  })

  test('a wrong value in it is overridden', async () => {
    const loading = loadFile('{"peer": {"httpPort": 0}}', { flags: { httpPort: '4' } })
    await expect(loading).rejects.toThrow('peer.httpPort must be')
  })
})

describe('text is taken strictly', () => {
  const refusal = 'TANDEM_PEER_HTTP_PORT: peer.httpPort must be a whole number from 1 to 65535, not'

  test.each(['x', '7x', ' 7', '0x10', '1e3', '7.5', '-1', '+7', 'Infinity', '70000', 'true'])(
    'the port is not %j',
    (text) => {
      expect(() => load({ environment: { TANDEM_PEER_HTTP_PORT: text } })).toThrow(refusal)
      expect(() => load({ flags: { httpPort: text } })).toThrow(
        '--http-port: peer.httpPort must be',
      )
    },
  )

  test.each(['yes', '1', 'TRUE', 'on'])('headless is not %j', (text) => {
    expect(() => load({ environment: { TANDEM_PEER_HEADLESS: text } })).toThrow(
      `TANDEM_PEER_HEADLESS: peer.headless must be true or false, not '${text}'.`,
    )
  })

  test('every port comes through as its number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
        const environment = { TANDEM_PEER_HTTP_PORT: String(port) }
        expect(load({ environment }).values.httpPort).toBe(port)
      }),
    )
  })

  test('text stays text, even if it looks like a number', () => {
    expect(load({ environment: { TANDEM_PEER_ZONE: '12' } }).values.zone).toBe('12')
  })
})

test.each([
  ['TANDEM_PEER_HTP_PORT', 'is not a setting; the nearest one is TANDEM_PEER_HTTP_PORT.'],
  ['TANDEM_PEER_httpPort', 'is not a setting; the nearest one is TANDEM_PEER_HTTP_PORT.'],
  ['TANDEM_OTHER', 'is not a setting.'],
])('the unknown variable %s is refused', (variable, sentence) => {
  expect(() => load({ environment: { [variable]: '1' } })).toThrow(
    `environment: ${variable} ${sentence}`,
  )
})

test('for any file, loading returns values or says what is wrong', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (content) => {
      const outcome = await loadFile(JSON.stringify({ peer: content })).then(
        ({ values }) => typeof values.httpPort,
        (error: unknown) => (error as { code: string }).code,
      )
      expect(['number', 'SETTING_INVALID']).toContain(outcome)
    }),
    { numRuns: 50 },
  )
})

test('the file is the given one, or the default one if it exists', () => {
  const environment = { TANDEM_CONFIG: 'b.json' }
  expect(configFile('a.json', environment)).toEqual({ path: 'a.json', isOptional: false })
  expect(configFile(undefined, environment)).toEqual({ path: 'b.json', isOptional: false })
  expect(configFile(undefined, { TANDEM_CONFIG: '' })).toEqual({
    path: 'config/config.json',
    isOptional: true,
  })
})

test('an invalid default is an error of the table', () => {
  const row = { schema: Type.Integer(), default: 'x', doc: '' }
  expect(() => defineSettings('peer', { port: row })).toThrow('default of peer.port')
})

test('variables are named after section and key', () => {
  expect(variableOf('index', 'replicationFactor')).toBe('TANDEM_INDEX_REPLICATION_FACTOR')
})

test('the log has its own settings', () => {
  const environment = { TANDEM_LOG_LEVEL: 'debug', TANDEM_PEER_HTTP_PORT: '1' }
  const { values } = loadSettings(logSettings, { environment, flags: { logFormat: 'json' } })
  expect(values).toEqual({ level: 'debug', format: 'json', folder: undefined })
  expect(() => loadSettings(logSettings, { environment: { TANDEM_LOG_LEVEL: 'loud' } })).toThrow(
    "TANDEM_LOG_LEVEL: log.level must be one of trace, debug, info, warn, error, silent, not 'loud'.",
  )
})
