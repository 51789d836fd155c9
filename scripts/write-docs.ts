/** `node scripts/write-docs.ts [--check]`: writes the generated files, or only checks that they are current. */
import { readFile, writeFile } from 'node:fs/promises'
import { outlinesFile, outlinesText } from '../peer/api/call-outlines.ts'
import { calls } from '../peer/api/calls.ts'
import { ProblemDetails } from '../peer/api/problem-details.ts'
import { protocolDocument } from './protocol-document.ts'
import { runScript } from './run-script.ts'

const template = new URL('protocol.template.md', import.meta.url)
const document = new URL('../PROTOCOL.md', import.meta.url)

await runScript(async () => {
  const made = [
    {
      file: document,
      name: 'PROTOCOL.md',
      text: protocolDocument(await readFile(template, 'utf8')),
    },
    {
      file: outlinesFile,
      name: 'peer/api/calls.json',
      text: outlinesText(calls, ProblemDetails),
    },
  ]
  for (const { file, name, text } of made) {
    if (!process.argv.includes('--check')) await writeFile(file, text)
    else if (text !== (await readFile(file, 'utf8').catch(() => ''))) {
      console.error(`${name} is out of date: run \`npm run docs\` and commit it.`)
      process.exitCode = 1
    }
  }
})
