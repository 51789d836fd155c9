import { mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { addPage, chooseEncoding } from './page-door.ts'
import type { Web } from './routes.ts'

async function built(): Promise<{ web: Web; folder: string } & AsyncDisposable> {
  const temp = await temporaryFolder()
  const folder = temp.path
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<p>page</p>')
  await writeFile(join(folder, 'assets', 'main-abc.js'), 'plain')
  await writeFile(join(folder, 'assets', 'main-abc.js.br'), 'brotli')
  await writeFile(join(folder, 'assets', 'main-abc.js.gz'), 'gzip')
  const web = fastify()
  addPage(web, { folder })
  return {
    web,
    folder,
    [Symbol.asyncDispose]: async () => {
      await web.close()
      await temp[Symbol.asyncDispose]()
    },
  }
}

test('the page is revalidated at every load', async () => {
  await using page = await built()
  const first = await page.web.inject('/')
  expect([first.statusCode, first.body]).toEqual([200, '<p>page</p>'])
  expect(first.headers).toMatchObject({
    'cache-control': 'no-cache',
    'content-type': 'text/html; charset=utf-8',
  })
  const headers = { 'if-none-match': `"other", ${first.headers.etag ?? ''}` }
  const again = await page.web.inject({ url: '/', headers })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})

test.each([
  ['', undefined, 'plain'],
  ['gzip, deflate', 'gzip', 'gzip'],
  ['gzip, deflate, br', 'br', 'brotli'],
  ['gzip, br;q=0', 'gzip', 'gzip'],
  ['br;q=0.000, gzip ; q=0', undefined, 'plain'],
])('an asset for a client that accepts %j', async (accepted, encoding, body) => {
  await using page = await built()
  const headers = { 'accept-encoding': accepted }
  const asset = await page.web.inject({ url: '/assets/main-abc.js', headers })
  expect(asset.body).toBe(body)
  expect(asset.headers['content-encoding']).toBe(encoding)
  expect(asset.headers['cache-control']).toContain('immutable')
  expect(asset.headers['content-type']).toBe('text/javascript; charset=utf-8')
})

test('a form that was not built is not chosen', () => {
  expect(chooseEncoding('br, gzip', { identity: '' })).toBe('identity')
})

test.each([
  '/assets/missing.js',
  '/assets/..%2Findex.html',
  '/assets/%2e%2e/index.html',
  '/assets/',
])('%s does not exist', async (url) => {
  await using page = await built()
  expect((await page.web.inject(url)).statusCode).toBe(404)
})

test('a new build is served without a restart', async () => {
  await using page = await built()
  await page.web.inject('/')
  await writeFile(join(page.folder, 'index.html'), '<p>new</p>')
  await utimes(join(page.folder, 'index.html'), 1, 1)
  expect((await page.web.inject('/')).body).toBe('<p>new</p>')
})

test('without a build it says how to make one', async () => {
  await using page = await built()
  await rm(page.folder, { recursive: true })
  const reply = await page.web.inject('/')
  expect([reply.statusCode, reply.body]).toEqual([503, expect.stringContaining('npm run setup')])
  expect((await page.web.inject('/assets/main-abc.js')).statusCode).toBe(404)
})
