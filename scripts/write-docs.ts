/** `node scripts/write-docs.ts [--check]`: writes PROTOCOL.md, or only says whether it is current. */
import { readFile, writeFile } from 'node:fs/promises'
import { protocolDocument } from './protocol-document.ts'
import { runScript } from './run-script.ts'

const template = new URL('protocol.template.md', import.meta.url)
const document = new URL('../PROTOCOL.md', import.meta.url)

await runScript(async () => {
  const text = protocolDocument(await readFile(template, 'utf8'))
  if (!process.argv.includes('--check')) return await writeFile(document, text)
  if (text === (await readFile(document, 'utf8').catch(() => ''))) return
  console.error('PROTOCOL.md is not current: run `npm run docs` and commit it.')
  process.exitCode = 1
})
