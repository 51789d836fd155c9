import { readFileSync } from 'node:fs'
import { type JsonShape, shapeProblem } from '../../common/json-shape.ts'
import type { ReplyKind } from './api-replies.ts'

/** Written by `npm run docs`. */
export const shapesFile = new URL('./reply-shapes.json', import.meta.url)

let shapes: Readonly<Record<ReplyKind, JsonShape>> | undefined

/** What keeps `body` from being a reply of this kind; undefined when nothing does. */
export function problemWith(kind: ReplyKind, body: unknown): string | undefined {
  shapes ??= JSON.parse(readFileSync(shapesFile, 'utf8')) as Record<ReplyKind, JsonShape>
  return shapeProblem(shapes[kind], body)
}
