import { expect, test } from 'vitest'
import { rules, type SourceFile } from './tidy-rules.ts'

/** All violations in these files, which package.json runs unless it says otherwise. */
function complaints(texts: Readonly<Record<string, string>>): string[] {
  const files: SourceFile[] = Object.entries(texts).map(([path, text]) => ({ path, text }))
  const run = files.map(({ path }) => `node ${path}`).join(' ')
  const all = 'package.json' in texts ? files : [...files, { path: 'package.json', text: run }]
  return rules.flatMap((rule) => rule(all))
}

const importing = (path: string): string => `import { x } from '${path}'`

test('a tidy tree has no violations', () => {
  const tree = {
    'common/limits.ts': 'export const limits = {}',
    'peer/api/calls.ts': importing('../../common/limits.ts'),
    'peer/peer.ts': `${importing('./fetch/fetcher.ts')}\n${importing('./download/downloads.ts')}`,
    'peer/fetch/fetcher.ts': `${importing('../api/calls.ts')}\n${importing('./plan.ts')}`,
    'peer/fetch/plan.ts': importing('../../common/limits.ts'),
    'peer/download/downloads.ts': importing('../fetch/fetcher.ts'),
    'peer/fetch/plan.test.ts': importing('../testing/fake.ts'),
    'peer/testing/fake.ts': importing('../fetch/fetcher.ts'),
    'peer/web/server.ts': importing('fastify'),
    'peer/web/page/index.html': '<script type="module" src="./main.tsx"></script>',
    'peer/web/page/main.tsx': `${importing('preact')}\n${importing('./app.tsx')}`,
    'peer/web/page/app.tsx': "import type { PeerApi } from '../../api/calls.ts'",
    'scripts/run.ts': `${importing('../peer/api/calls.ts')}\n${importing('../indexing-server/main.ts')}`,
    'indexing-server/main.ts': importing('../common/limits.ts'),
    'ARCHITECTURE.md': 'See `fetch/plan.ts` and [the API](peer/api/calls.ts).',
  }
  expect(complaints(tree)).toEqual([])
})

test('long-running processes load only the used parts of node:http', () => {
  const [types, value] = [
    "import type { Server } from 'node:http'",
    "import { Server } from 'node:http'",
  ]
  expect(complaints({ 'peer/a.ts': types, 'peer/a.test.ts': value })).toEqual([])
  expect(complaints({ 'peer/a.ts': value }).join()).toContain('process.getBuiltinModule')
})

test.each([
  ['common/a.ts', '../peer/api/calls.ts', 'common/ may import nothing else'],
  ['peer/fetch/a.ts', '../../indexing-server/a.ts', 'peer/ may import common'],
  ['indexing-server/a.ts', '../peer/api/calls.ts', 'indexing-server/ may import common'],
  ['peer/fetch/a.ts', '../../scripts/a.ts', 'peer/ may import common'],
  ['peer/fetch/a.ts', '../serve/b.ts', 'inject it in peer/peer.ts'],
  ['peer/fetch/a.ts', '../download/b.ts', 'inject it in peer/peer.ts'],
  ['peer/fetch/a.ts', '../peer.ts', 'inject it in peer/peer.ts'],
  ['peer/fetch/a.ts', '../api/local-peer-api.ts', 'inject it in peer/peer.ts'],
  ['peer/serve/a.ts', 'fastify', 'Fastify lives in peer/web alone'],
  ['common/a.ts', '@fastify/swagger', 'Fastify lives in peer/web alone'],
  ['peer/web/page/a.tsx', '../../api/calls.ts', 'only types, of peer/api'],
  ['peer/web/page/a.tsx', '../../../common/limits.ts', 'only types, of peer/api'],
  ['peer/web/page/a.tsx', 'node:fs', 'only types, of peer/api'],
  ['peer/web/web-server.ts', './page/a.tsx', 'the page is built separately'],
  ['common/a.ts', './testing/fake.ts', 'it is for tests'],
  ['peer/a.ts', './b.test.ts', 'it is for tests'],
])('%s may not import %s', (from, to, reason) => {
  expect(complaints({ [from]: importing(to) })).toEqual([
    expect.stringMatching(new RegExp(`^${from} may not import .*: .*${reason}$`)),
  ])
})

test('files import each other in one direction only, also their types', () => {
  const tree = {
    'peer/a.ts': "import type { B } from './b.ts'",
    'peer/b.ts': importing('./c.js'),
    'peer/c.js': "/** @type {import('./a.ts').A} */",
    'peer/d.ts': importing('./a.ts') + importing('./b.ts'),
  }
  expect(complaints(tree)).toEqual([
    'peer/a.ts -> peer/b.ts -> peer/c.js -> peer/a.ts is an import cycle: move what both need into a third file',
  ])
})

test('a file has an end', () => {
  const code = 'x()\n'
  const comment = '// why\n\n'
  expect(complaints({ 'a/b.ts': code.repeat(400) + comment.repeat(400) })).toEqual([])
  expect(complaints({ 'a/b.ts': code.repeat(401) })).toEqual([
    'a/b.ts has 401 lines of code, over 400: split it by question',
  ])
})

test.each(['TO', 'FIX'])('%s-something is found anywhere', (start) => {
  const mark = start === 'TO' ? `${start}DO` : `${start}ME`
  expect(complaints({ 'README.md': `fine\nnot fine, ${mark}: later` })).toEqual([
    'README.md:2 is unfinished: finish it, or open an issue',
  ])
})

test('each decision has a number of its own', () => {
  const [first, second, same] = ['0001-a', '0002-b', '0002-c'].map(
    (name) => `docs/decisions/${name}.md`,
  ) as [string, string, string]
  expect(complaints({ [first]: '', [second]: '' })).toEqual([])
  expect(complaints({ [first]: '', [second]: '', [same]: '' })).toEqual([
    `${second} and ${same} have the same number: give the newer one the next free number`,
  ])
  expect(complaints({ 'docs/decisions/c.md': '' })).toEqual([
    'docs/decisions/c.md has no number: name it like 0001-what-it-decides.md',
  ])
})

test('a paraphrase from the word list is found', () => {
  expect(complaints({ 'peer/a.md': 'fine\nto Whoever asks' })).toContain(
    "peer/a.md:2 says 'Whoever': use a word of the list in CONTRIBUTING.md",
  )
})

test('the map names what exists', () => {
  expect(complaints({ 'ARCHITECTURE.md': 'Look at `peer/gone.ts`.' })).toEqual([
    'ARCHITECTURE.md names peer/gone.ts, which does not exist',
  ])
})

test('a file that nothing reaches is found, even if its test does', () => {
  const tree = {
    'package.json': 'node peer/main.ts',
    'peer/main.ts': "spawn('peer/worker.ts')",
    'peer/worker.ts': '',
    'peer/dead.ts': '',
    'peer/dead.test.ts': importing('./dead.ts'),
    'peer/testing/used.ts': '',
    'peer/testing/unused.ts': '',
    'peer/main.test.ts': importing('./testing/used.ts'),
  }
  expect(complaints(tree)).toEqual([
    'peer/dead.ts is unreachable from any entry point: use it or delete it',
    'peer/testing/unused.ts is unreachable from any entry point: use it or delete it',
  ])
})
