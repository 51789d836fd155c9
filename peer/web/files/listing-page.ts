/** The plain HTML of a folder, for clients that follow links and run no scripts. Pure. */
import type { Folder } from '../../api/file-shapes.ts'
import { escapeXml } from '../escape-xml.ts'
import { pathOf } from './mirrors.ts'

export type FolderEntry = Folder['entries'][number]

const style = `
:root{color-scheme:light dark;--line:#d8dee6;--dim:#5c6773;--link:#0b63c5}
@media(prefers-color-scheme:dark){:root{--line:#333b45;--dim:#9aa5b1;--link:#6cb0ff}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.25rem;font-weight:600;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th{color:var(--dim);font-weight:500;text-align:left}
th,td{border-bottom:1px solid var(--line);padding:.4rem .75rem .4rem 0}
td:first-child{overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
p{color:var(--dim)}`

/** The only thing that such a page loads is its own style. */
export const listingPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export function listingHead(folder: string): string {
  const title = `Index of /${folder === '' ? '' : `${folder}/`}`
  const up = '<tr><td><a href="../">../</a></td><td></td><td></td><td></td></tr>\n'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(title)}</title>
<style>${style}
</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
<table>
<tr><th scope="col">Name</th><th scope="col" class="n">Size</th><th scope="col" class="n">Modified (UTC)</th><th scope="col" class="n">Versions</th></tr>
${folder === '' ? '' : up}`
}

export function listingRow(entry: FolderEntry): string {
  const slash = entry.type === 'folder' ? '/' : ''
  const link = `<a href="${pathOf(entry.name)}${slash}">${escapeXml(entry.name)}${slash}</a>`
  if (entry.type === 'folder')
    return `<tr><td>${link}</td><td class="n">-</td><td class="n">-</td><td class="n">-</td></tr>\n`
  const { size, modifiedMs, versions } = entry
  const modified = new Date(modifiedMs).toISOString().slice(0, 19).replace('T', ' ')
  return `<tr><td>${link}</td><td class="n">${size}</td><td class="n">${modified}</td><td class="n">${versions}</td></tr>\n`
}

/** @param next the cursor of the next page, if there is one */
export function listingEnd(next: string | undefined, isEmpty: boolean): string {
  const more = next === undefined ? '' : moreLink(next)
  return `</table>\n${isEmpty ? '<p>There is nothing here.</p>\n' : ''}${more}</body>\n</html>\n`
}

function moreLink(next: string): string {
  return `<p><a rel="next" href="?after=${encodeURIComponent(next)}">Next page</a></p>\n`
}
