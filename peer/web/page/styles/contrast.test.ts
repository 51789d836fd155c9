import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8')
const [light = '', dark = ''] = css.split(":root[data-theme='dark']")
const colours = (text: string): Map<string, string> =>
  new Map(
    Array.from(text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g), ([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
const themes = { light: colours(light), dark: new Map([...colours(light), ...colours(dark)]) }

/** Relative luminance as WCAG 2 defines it. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

const grounds = ['canvas', 'surface', 'hover']
const pairs: [string, string, number][] = [
  ...['text', 'text-soft', 'text-faint', 'accent', 'ok', 'warn', 'bad'].flatMap((text) =>
    grounds.map((ground): [string, string, number] => [text, ground, 4.5]),
  ),
  ...['text', 'text-soft', 'text-faint'].map((text): [string, string, number] => [
    text,
    'sunken',
    4.5,
  ]),
  ...['accent', 'ok', 'warn', 'bad'].flatMap((state): [string, string, number][] => [
    [state, `${state}-soft`, 4.5],
    ['text', `${state}-soft`, 4.5],
    ['text-soft', `${state}-soft`, 4.5],
  ]),
  ['on-accent', 'accent', 4.5],
  ['on-accent', 'accent-hover', 4.5],
  ['on-bad', 'bad', 4.5],
  ['on-bad', 'bad-hover', 4.5],
  // Borders of inputs and lines of charts.
  ['line-strong', 'surface', 3],
  ...[1, 2, 3, 4].map((series): [string, string, number] => [`series-${series}`, 'surface', 3]),
]

test.each(['light', 'dark'] as const)('colours of the %s theme meet WCAG AA', (theme) => {
  const colourOf = (name: string): string => themes[theme].get(name) ?? 'missing'
  const weak = pairs
    .map(([text, ground, least]) => ({
      text,
      ground,
      least,
      ratio: contrast(colourOf(text), colourOf(ground)),
    }))
    .filter(({ ratio, least }) => !(ratio >= least))
    .map(({ text, ground, ratio }) => `${text} on ${ground}: ${ratio.toFixed(2)}`)
  expect(weak).toEqual([])
})
