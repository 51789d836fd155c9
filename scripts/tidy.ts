/** `node scripts/tidy.ts`: enforces the repository rules that no linter covers. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { runScript } from './run-script.ts'
import { rules, type SourceFile } from './tidy-rules.ts'

const textFile = /\.(tsx?|js|json|md|yml|css|html|sql|svg)$|^(Makefile|Dockerfile)$|^\.ci\//

/** All text files that git tracks or would add, except results and the lock file. */
function sourceFiles(): SourceFile[] {
  const listed = execFileSync('git', [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ])
  return listed
    .toString()
    .split('\0')
    .filter((path) => textFile.test(path) && path !== 'package-lock.json')
    .filter((path) => !path.startsWith('evaluation/results/') && existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
}

await runScript(async () => {
  const files = sourceFiles()
  const complaints = rules.flatMap((rule) => rule(files))
  for (const complaint of complaints) console.error(complaint)
  if (complaints.length > 0) process.exitCode = 1
})
