/** Opens addresses in the user's browser. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Clock } from '../common/clock.ts'

export interface Desktop {
  readonly platform: NodeJS.Platform
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The command that opens an address, without it; undefined where there is no browser to see. */
export function openerOf({ platform, environment }: Desktop): readonly string[] | undefined {
  if (platform === 'darwin') return ['open']
  if (platform === 'win32') return ['explorer.exe']
  const isSet = (name: string): boolean => (environment[name] ?? '') !== ''
  if (isSet('WSL_DISTRO_NAME')) return ['explorer.exe']
  return isSet('DISPLAY') || isSet('WAYLAND_DISPLAY') ? ['xdg-open'] : undefined
}

/** How long a browser that starts first may take to read a file. */
const readMs = 10_000
/** An opener that has not failed by then has found a browser, and may stay as long as that. */
const openMs = 3_000

/**
 * Opens `url`. The arguments of a process can be read by all users of the machine, so that an address
 * with a secret in it is passed in a file that only this user can read.
 * @returns whether a browser was found
 */
export async function openInBrowser(
  { url, isSecret }: { url: string; isSecret: boolean },
  { desktop, clock }: { desktop: Desktop; clock: Clock },
): Promise<boolean> {
  const opener = openerOf(desktop)
  if (opener === undefined) return false
  if (!isSecret) return await runs([...opener, url], clock)
  const folder = await mkdtemp(join(tmpdir(), 'tandem-open-'))
  try {
    const file = join(folder, 'open.html')
    await writeFile(file, redirectTo(url), { mode: 0o600 })
    const isOpen = await runs([...opener, pathToFileURL(file).href], clock)
    if (isOpen) await clock.sleep(readMs)
    return isOpen
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function redirectTo(url: string): string {
  const escaped = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${escaped}"><title>Tandem</title>\n`
}

async function runs([command = '', ...words]: readonly string[], clock: Clock): Promise<boolean> {
  const child = spawn(command, words, { stdio: 'ignore', detached: true })
  child.unref()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  child.once('error', () => resolve(false))
  // explorer.exe exits with 1 although it has opened the address.
  child.once('exit', (code) => resolve(code === 0 || command === 'explorer.exe'))
  const cancel = clock.after(openMs, () => resolve(true))
  const isOpen = await promise
  cancel()
  return isOpen
}

/** The desktop of this process. */
export function thisDesktop(): Desktop {
  // oxlint-disable-next-line no-restricted-properties -- no setting: it says whether there is a screen
  return { platform: process.platform, environment: process.env }
}
