/** The problems of a peer, as its API reports them. */
import { lstat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { nameProblem } from '../../common/ids.ts'
import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import { type ProblemCode, type ProblemCounts, problemTable, totalOf } from '../problem-table.ts'
import type { CallReply, CallRequest } from './calls.ts'
import { cursorOf, parseCursor } from './page-cursor.ts'
import type { Problem } from './problem-shapes.ts'

interface FoundProblem {
  readonly path: string
  readonly code: ProblemCode
  readonly reason: string
}

/** The part of the peer that finds problems. */
export interface ProblemSource {
  /** The data folder; absolute. */
  readonly dataPath: string
  problems(): readonly FoundProblem[]
  /** Number of problems by code, including unlisted ones. */
  problemCounts(): ProblemCounts
}

/**
 * One page of the problems, by path: each path has one.
 * @throws AppError BAD_REQUEST if `after` is not the `next` of a page
 */
export function problemPage(
  { limit, after }: CallRequest<'problems'>,
  source: ProblemSource,
): CallReply<'problems'> {
  const start = after === undefined ? '' : parseCursor(after, isPath)
  const later = source.problems().filter(({ path }) => path > start)
  later.sort((one, other) => (one.path < other.path ? -1 : 1))
  const listed = later.slice(0, limit)
  const last = listed.at(-1)
  return {
    total: totalOf(source.problemCounts()),
    problems: listed.map((problem) => described(problem, source.dataPath)),
    ...(later.length > limit && last && { next: cursorOf(last.path) }),
  }
}

function isPath(value: unknown): value is string {
  return typeof value === 'string'
}

/** Problems of files that `text` may mean: the name, with or without its parent folders. */
export function problemsCalled(text: string, source: ProblemSource): Problem[] {
  const wanted = text.normalize('NFC').replace(/^(\.\/)+/, '')
  return source
    .problems()
    .map((problem) => described(problem, source.dataPath))
    .filter(({ name, folder, path }) =>
      [name, `${folder}/${name}`, path].some(
        (called) => called !== '' && sayable(called.normalize('NFC')) === sayable(wanted),
      ),
    )
}

/** The part of the peer that knows which files are ignored. */
export interface IgnoredSource {
  readonly dataPath: string
  /** The pattern because of which a file of this name in shared/ is not shared. */
  ignoredBy(name: string): string | undefined
}

/**
 * Why the file of shared/ that `text` means is ignored, if it exists and is. It is not among the
 * problems, because it is ignored on purpose.
 */
export async function ignoredCalled(text: string, source: IgnoredSource): Promise<Problem[]> {
  const name = text.normalize('NFC').replace(/^(\.\/)*(shared\/)?/, '')
  const pattern = nameProblem(name) === undefined ? source.ignoredBy(name) : undefined
  if (pattern === undefined) return []
  const path = join(source.dataPath, 'shared', name)
  const isFile = await lstat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isFile) return []
  const reason = `the pattern '${pattern}' ignores it`
  const remedy = `To share it, rename it, or add '!${pattern}' to shared/.tandemignore.`
  return [{ code: 'NAME_IGNORED', name, folder: 'shared', path, reason, remedy }]
}

function described({ path, code, reason }: FoundProblem, dataPath: string): Problem {
  const [first = '', ...rest] = relative(dataPath, path).split(sep)
  const folder = isKind(first) ? first : 'shared'
  return { code, name: rest.join('/'), folder, path, reason, remedy: problemTable[code].remedy }
}

function isKind(text: string): text is CopyKind {
  return (copyKinds as readonly string[]).includes(text)
}

/** Escapes control characters as the command line does, so that its output can be used as input. */
function sayable(name: string): string {
  return name.replaceAll(
    /\p{Cc}/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
