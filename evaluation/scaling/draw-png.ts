import { fileURLToPath } from 'node:url'
import { Resvg } from '@resvg/resvg-js'
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

const font = 'DejaVu Sans'
/** Given by path, because slim images have no fonts, and text would be missing. */
const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) =>
  fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${name}`)),
)
/** Pixels per unit of the drawing, for dense screens. */
const zoom = 2

/** Of lines to compare with. */
export const idealColor = '#9a9a9a'

/** How all drawings of results look. */
export const looks = {
  font,
  title: { fontSize: 18, subtitleFontSize: 13, subtitlePadding: 6 },
  axis: { labelFontSize: 12, titleFontSize: 13, gridColor: '#e6e6e6', titleFontWeight: 'normal' },
  legend: { labelFontSize: 12 },
  line: { strokeWidth: 2.5 },
  point: { size: 70, filled: true },
} as const

/** Draws a specification as a PNG. */
export async function drawPng(spec: TopLevelSpec): Promise<Buffer> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  const svg = await view.toSVG()
  view.finalize()
  const fonts = { loadSystemFonts: false, fontFiles, defaultFontFamily: font }
  const drawing = new Resvg(svg, { font: fonts, fitTo: { mode: 'zoom', value: zoom } })
  return drawing.render().asPng()
}
