/**
 * Repository rules that no linter covers. Each rule checks all files and returns one line per
 * violation, with the remedy.
 */
import { posix } from 'node:path'

export interface SourceFile {
  /** Relative to the repository's root, with `/`. */
  readonly path: string
  readonly text: string
}

export type Rule = (files: readonly SourceFile[]) => string[]

interface Import {
  readonly from: string
  /** A path in the repository, or the name of a package. */
  readonly to: string
  /** As written. */
  readonly specifier: string
}

const linesMax = 400

/** The top folders that each top folder may import from, besides itself. */
const layers: Readonly<Record<string, readonly string[]>> = {
  common: [],
  peer: ['common'],
  'indexing-server': ['common'],
  evaluation: ['common', 'peer', 'indexing-server', 'scripts'],
  scripts: ['common', 'peer', 'indexing-server', 'evaluation'],
}

/** Folders in peer/ that are not steps: tests, and the code that combines the steps. */
const peerFoldersWithoutStep = ['peer/testing', 'peer/api', 'peer/direct']
/** The steps that a step may import from, besides itself. */
const stepsBelow: Readonly<Record<string, readonly string[]>> = { 'peer/download': ['peer/fetch'] }
const peerInterface: readonly string[] = [
  'peer/api/calls.ts',
  'peer/api/call-outlines.ts',
  'peer/api/cluster-shapes.ts',
  'peer/api/command-agent.ts',
  'peer/api/download-shapes.ts',
  'peer/api/file-shapes.ts',
  'peer/api/follow-shapes.ts',
  'peer/api/history-shapes.ts',
  'peer/api/limit-shapes.ts',
  'peer/api/limit-table.ts',
  'peer/api/mesh-shapes.ts',
  'peer/api/page-cursor.ts',
  'peer/api/pages.ts',
  'peer/api/problem-details.ts',
  'peer/api/problem-shapes.ts',
  'peer/api/scrub-shapes.ts',
  'peer/api/status-shapes.ts',
  'peer/api/words.ts',
  'peer/problem-table.ts',
  'peer/shelf.ts',
]

const isCode = (path: string): boolean => /\.(ts|js|jsx|tsx)$/.test(path)
const isTest = (path: string): boolean => path.endsWith('.test.ts')
const isForTests = (path: string): boolean =>
  isTest(path) || /\/testing\/|-contract\.ts$|^evaluation\//.test(path)
const topFolder = (path: string): string => path.slice(0, path.indexOf('/'))

const importExpression = /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g

function importsOf(files: readonly SourceFile[]): Import[] {
  return files
    .filter(({ path }) => isCode(path))
    .flatMap(({ path, text }) =>
      Array.from(text.matchAll(importExpression), ([, specifier = '']) => ({
        from: path,
        to: specifier.startsWith('.')
          ? posix.normalize(posix.join(posix.dirname(path), specifier))
          : specifier,
        specifier,
      })),
    )
}

/** `peer/fetch` for a file below it; undefined outside the peer's steps. */
function verbOf(path: string): string | undefined {
  const verb = /^peer\/[^/]+(?=\/)/.exec(path)?.[0]
  return verb === undefined || peerFoldersWithoutStep.includes(verb) ? undefined : verb
}

const keepLayers: Rule = (files) =>
  importsOf(files)
    .filter(({ from, to }) => {
      const [here, there] = [topFolder(from), topFolder(to)]
      const allowed = layers[here]
      return allowed !== undefined && there in layers && there !== here && !allowed.includes(there)
    })
    .map(
      ({ from, to }) =>
        `${from} may not import ${to}: ${topFolder(from)}/ may import ${(layers[topFolder(from)] ?? []).join(', ') || 'nothing else'}`,
    )

const keepVerbsApart: Rule = (files) =>
  importsOf(files)
    .filter(({ from, to }) => {
      const verb = verbOf(from)
      if (verb === undefined || isTest(from)) return false
      const allowed = [verb, ...(stepsBelow[verb] ?? [])]
      const isAllowed = allowed.includes(verbOf(to) ?? '') || peerInterface.includes(to)
      return to.startsWith('peer/') && !isAllowed
    })
    .map(
      ({ from, to }) =>
        `${from} may not import ${to}: declare the narrow interface that it needs, and inject it in peer/peer.ts`,
    )

const keepFastifyInWeb: Rule = (files) =>
  importsOf(files)
    .filter(({ to }) => /^(fastify|@fastify\/.*)$/.test(to))
    .filter(({ from }) => !from.startsWith('peer/web/'))
    .map(({ from, to }) => `${from} may not import ${to}: Fastify lives in peer/web alone`)

const pageFolder = 'peer/web/page/'
const typeImport = /^import type [^'"]*from ['"]([^'"]+)['"]/gm

/** The page runs in browsers: what it imports from the peer must vanish when it is built. */
const keepPageApart: Rule = (files) => {
  const typesOnly = new Set(
    files.flatMap(({ path, text }) =>
      Array.from(text.matchAll(typeImport), ([, specifier = '']) => `${path} ${specifier}`),
    ),
  )
  const isAllowed = ({ from, to, specifier }: Import): boolean => {
    const [isFromPage, isToPage] = [from.startsWith(pageFolder), to.startsWith(pageFolder)]
    if (!isFromPage) return !isToPage
    if (isToPage || isTest(from)) return true
    if (!specifier.startsWith('.')) return !specifier.startsWith('node:')
    return to.startsWith('peer/api/') && typesOnly.has(`${from} ${specifier}`)
  }
  return importsOf(files)
    .filter((found) => !isAllowed(found))
    .map(({ from, to }) =>
      from.startsWith(pageFolder)
        ? `${from} may not import ${to}: the page imports only types, of peer/api`
        : `${from} may not import ${to}: the page is built separately`,
    )
}

/** An import loads all exports of a module, including an HTTP client of 14 MB. */
const takeHttpAlone: Rule = (files) =>
  files
    .filter(({ path }) => isCode(path) && !isForTests(path) && !path.startsWith('scripts/'))
    .filter(({ text }) => /^import (?!type\b)[^'"]*from '(?:node:)?https?'/m.test(text))
    .map(
      ({ path }) =>
        `${path} may not import node:http, except its types: take process.getBuiltinModule('node:http')`,
    )

/** Type imports count, too: files that depend on each other are one idea in two places. */
const keepCirclesOut: Rule = (files) => {
  const importedBy = Map.groupBy(importsOf(files), ({ from }) => from)
  /** Files whose imports were all followed. */
  const isDone = new Set<string>()
  const circles: string[] = []
  const follow = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start !== -1) circles.push([...way.slice(start), path].join(' -> '))
    if (start !== -1 || isDone.has(path)) return
    for (const { to } of importedBy.get(path) ?? []) follow(to, [...way, path])
    isDone.add(path)
  }
  for (const path of importedBy.keys()) follow(path, [])
  return circles.map(
    (circle) => `${circle} is an import cycle: move what both need into a third file`,
  )
}

const keepTestingOutOfProduction: Rule = (files) =>
  importsOf(files)
    .filter(({ from, to }) => !isForTests(from) && (to.includes('/testing/') || isTest(to)))
    .map(({ from, to }) => `${from} may not import ${to}: it is for tests`)

const keepFilesShort: Rule = (files) =>
  files.flatMap(({ path, text }) => {
    const lines = text.split('\n').filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line)).length
    if (!isCode(path) || lines <= linesMax) return []
    return [`${path} has ${lines} lines of code, over ${linesMax}: split it by question`]
  })

const unfinished = /\b(?:T[O]DO|F[I]XME|X[X]X)\b/

const leaveNothingUnfinished: Rule = (files) =>
  files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, number: index + 1 }))
      .filter(({ line }) => unfinished.test(line))
      .map(({ number }) => `${path}:${number} is unfinished: finish it, or open an issue`),
  )

/** Paraphrases that CONTRIBUTING.md replaces by the field's nouns. */
const paraphrase =
  /\b(?:whoever|whence|whither|somebody|everybody|anybody|what came|there once|lets? go of|stands? in line)\b/i
const mayQuoteParaphrases = /^(?:CONTRIBUTING\.md|scripts\/tidy-rules)/

const keepWordsPlain: Rule = (files) =>
  files
    .filter(({ path }) => !mayQuoteParaphrases.test(path))
    .flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, index) => {
        const found = paraphrase.exec(line)?.[0]
        if (found === undefined) return []
        return [`${path}:${index + 1} says '${found}': use a word of the list in CONTRIBUTING.md`]
      }),
    )

const fileInText = /[`(]((?:[\w.-]+\/)*[\w.-]+\.(?:ts|js|json|sql|md|svg|yml))[`)]/g

const nameOnlyWhatExists: Rule = (files) => {
  const paths = files.map(({ path }) => `/${path}`)
  return files
    .filter(({ path }) => path === 'ARCHITECTURE.md')
    .flatMap(({ path, text }) =>
      Array.from(text.matchAll(fileInText), ([, named = '']) => named)
        .filter((named) => !paths.some((existing) => existing.endsWith(`/${named}`)))
        .map((named) => `${path} names ${named}, which does not exist`),
    )
}

/** Branches that grow at the same time take the same next number. */
const numberDecisionsOnce: Rule = (files) => {
  const decisions = files
    .map(({ path }) => path)
    .filter((path) => path.startsWith('docs/decisions/'))
    .toSorted()
  const byNumber = Map.groupBy(decisions, (path) => /^\d+(?=-)/.exec(posix.basename(path))?.[0])
  return Array.from(byNumber).flatMap(([number, paths]) => {
    if (number === undefined)
      return paths.map((path) => `${path} has no number: name it like 0001-what-it-decides.md`)
    if (paths.length === 1) return []
    return [`${paths.join(' and ')} have the same number: give the newer one the next free number`]
  })
}

/** Files that name everything that is run by name. */
const isEntry = (path: string): boolean =>
  /^(package\.json|Makefile|Dockerfile|docker-compose\.yml|\.ci\/.*|[^/]+\.config\.ts|.*\.html)$/.test(
    path,
  )
const pathInCode = /['"]((?:[\w.-]+\/)*[\w.-]+\.(?:tsx?|js))['"]/g
const pathInEntry = /(?<=[\s'"/])((?:[\w.-]+\/)*[\w.-]+\.(?:tsx?|js))\b/g

/** All paths reachable from `starts` through names, imports and runs. */
function reachedFrom(starts: readonly SourceFile[], files: readonly SourceFile[]): Set<string> {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const reached = new Set<string>()
  const waiting = [...starts]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file.path)) continue
    reached.add(file.path)
    const named = file.text.matchAll(isCode(file.path) ? pathInCode : pathInEntry)
    for (const [, path = ''] of named)
      for (const target of [posix.join(posix.dirname(file.path), path), posix.normalize(path)]) {
        const found = byPath.get(target)
        if (found !== undefined && !isTest(target)) waiting.push(found)
      }
  }
  return reached
}

/**
 * Production code must be reachable from an entry point; test code from an entry point or a test.
 */
const keepAllReachable: Rule = (files) => {
  const entries = files.filter(({ path }) => isEntry(path))
  const tests = files.filter(({ path }) => isTest(path))
  const inProduction = reachedFrom(entries, files)
  const inAll = reachedFrom([...entries, ...tests], files)
  return files
    .filter(({ path }) => isCode(path) && !path.endsWith('.d.ts'))
    .filter(({ path }) => !(isForTests(path) ? inAll : inProduction).has(path))
    .map(({ path }) => `${path} is unreachable from any entry point: use it or delete it`)
}

export const rules: readonly Rule[] = [
  keepLayers,
  keepVerbsApart,
  keepFastifyInWeb,
  keepPageApart,
  keepCirclesOut,
  takeHttpAlone,
  keepTestingOutOfProduction,
  keepFilesShort,
  leaveNothingUnfinished,
  keepWordsPlain,
  nameOnlyWhatExists,
  numberDecisionsOnce,
  keepAllReachable,
]
