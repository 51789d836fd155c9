import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { callNames, calls } from '../api/calls.ts'
import { peerCommands } from './commands.ts'

const folder = new URL('./', import.meta.url)
const sources = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }))

/** Calls that no command of its own makes, and why. */
const withoutCommand: Readonly<Record<string, string>> = {
  meshHeartbeat: 'a program says what it has',
  meshAsk: 'a program asks; `ask` does for people',
  meshHit: 'a program answers',
}

/** What a command calls in a file of peer/api, with the help of several calls. */
const combined = readdirSync(new URL('../api/', import.meta.url))
  .filter((name) =>
    /^(all-copies|download-to-end|pages|unshare-matching|restore-file)\.ts$/.test(name),
  )
  .map((name) => readFileSync(new URL(`../api/${name}`, import.meta.url), 'utf8'))

describe('the commands and the routes', () => {
  test.each(callNames)('%s has a command', (call) => {
    const asked = new RegExp(`\\b${call}\\(|\\bapi\\.${call}\\b`)
    const users = [...sources.map(({ text }) => text), ...combined].filter((text) =>
      asked.test(text),
    )
    expect(users.length > 0 || call in withoutCommand).toBe(true)
  })

  test('each command calls the API, which has a route for each call', () => {
    const commands = peerCommands(async () => {})
    expect(commands.length).toBeGreaterThan(20)
    const idle = commands
      .map((command) => command.name())
      .filter((name) => {
        const definition = new RegExp(`\\(\\s*'${name}'|name: '${name}'`)
        const files = sources.filter(({ text }) => definition.test(text))
        return !files.some(({ text }) => /\bapi\b/.test(text))
      })
    expect(idle).toEqual([])
    for (const name of callNames) expect(calls[name].path).toMatch(/^\/api\//)
  })

  test('a list that may be long has pages', () => {
    const paged = callNames.filter((name) => {
      const { query, body } = calls[name] as { query?: object; body?: object }
      const fields = JSON.stringify([query, body])
      return fields.includes('"after"') || fields.includes('"limit"')
    })
    const lists =
      'search list folder events trash unshareMatching peers problems downloads versions history queries'
    expect(paged).toEqual(expect.arrayContaining(lists.split(' ')))
  })
})
