/** What a peer does not share, as its API tells it. */
import { relative, sep } from 'node:path'
import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import { type ProblemCode, type ProblemCounts, problemTable, totalOf } from '../problem-table.ts'
import type { Problem, Problems } from './shapes.ts'

interface FoundProblem {
  readonly path: string
  readonly code: ProblemCode
  readonly reason: string
}

/** What is asked of the part of the peer that finds problems. */
export interface ProblemSource {
  /** The data folder; absolute. */
  readonly dataPath: string
  problems(): readonly FoundProblem[]
  /** How many there are of each code, also of those that are not listed. */
  problemCounts(): ProblemCounts
}

/** All problems that are listed, by path. */
export function problemsOf(source: ProblemSource): Problems {
  const problems = source.problems().map((problem) => described(problem, source.dataPath))
  problems.sort((one, other) => (one.path < other.path ? -1 : 1))
  return { total: totalOf(source.problemCounts()), problems }
}

/** Those of the files that somebody may mean by `text`: the name, with or without the folders above it. */
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

/** Control characters as the command line shows them, so that what it showed can be asked for. */
function sayable(name: string): string {
  return name.replaceAll(
    /\p{Cc}/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
