/** The problems of a peer, as its API reports them. */
import { relative, sep } from 'node:path'
import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import { type ProblemCode, type ProblemCounts, problemTable, totalOf } from '../problem-table.ts'
import type { Problem, Problems } from './shapes.ts'

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

/** All listed problems, by path. */
export function problemsOf(source: ProblemSource): Problems {
  const problems = source.problems().map((problem) => described(problem, source.dataPath))
  problems.sort((one, other) => (one.path < other.path ? -1 : 1))
  return { total: totalOf(source.problemCounts()), problems }
}

/** Problems of files that `text` may mean: the name, with or without its parent folders. */
export function problemsCalled(text: string, source: ProblemSource): Problem[] {
  const wanted = text.normalize('NFC').replace(/^(\.\/)+/, '')
  return problemsOf(source).problems.filter(({ name, folder, path }) =>
    [name, `${folder}/${name}`, path].some(
      (called) => called !== '' && sayable(called.normalize('NFC')) === sayable(wanted),
    ),
  )
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
