/** The web page in a real browser, with what must never happen in it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { debianProgram } from './debian-program.ts'

/** Without these, Chromium asks its maker's servers at every start. */
const launchFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** How long a page may take to show what a test waits for; the machine may be busy. */
const patienceMs = 30_000

export async function startBrowser(): Promise<Browser> {
  const executablePath = await debianProgram('/usr/bin/chromium', 'chromium')
  return await chromium.launch({ executablePath, args: launchFlags })
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page
  /** Errors in the console, which include what the content security policy refused, and requests to other origins. */
  readonly faults: readonly string[]
}

export interface OpenOptions extends BrowserContextOptions {
  /** The part of the address behind `#`. */
  readonly hash?: string
  /** Prepares the page before it is loaded. */
  readonly before?: (page: Page) => Promise<void>
}

/** Opens the page of a peer like a user for the first time: without cookies and settings. */
export async function openPage(
  browser: Browser,
  url: URL,
  { hash = '#/files', before, ...options }: OpenOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...options,
  })
  context.setDefaultTimeout(patienceMs)
  const faults: string[] = []
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== url.origin) faults.push(`request: ${request.url()}`)
  })
  await before?.(page)
  await page.goto(new URL(hash, url).href)
  return { page, faults, [Symbol.asyncDispose]: async () => await context.close() }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Serious and critical faults that axe-core finds, each with the elements. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // Evaluated by the debugger, which the content security policy does not bind.
  await page.evaluate(axe)
  const results = await page.evaluate(
    async () => await (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  )
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}

/** Drops files of this machine onto the middle of the page, as from a file manager. */
export async function dropFiles(page: Page, paths: readonly string[]): Promise<void> {
  const { width, height } = page.viewportSize() ?? { width: 2, height: 2 }
  const debug = await page.context().newCDPSession(page)
  const data = { items: [], files: [...paths], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await debug.send('Input.dispatchDragEvent', { type, x: width / 2, y: height / 2, data })
}
