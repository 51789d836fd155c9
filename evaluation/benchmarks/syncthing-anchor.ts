/** Syncthing with one folder and no other device: its discovery, relays and reports are off. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { freePorts } from '../system/cluster-fixture.ts'
import { pathOf } from './anchor-programs.ts'
import { runToEnd } from './outside-process.ts'

/** Runs until disposed. */
export interface Syncthing extends AsyncDisposable {
  readonly pid: number
}

interface StartOptions {
  /**
   * Folder of its settings and database; a second start with the same folder continues with them.
   */
  readonly home: string
  readonly folder: string
  /** Number of files in the folder. */
  readonly files: number
  readonly deadlineMs: number
}

const lookEveryMs = 10
const off = [
  'globalAnnounceEnabled',
  'localAnnounceEnabled',
  'relaysEnabled',
  'startBrowser',
  'natEnabled',
  'crashReportingEnabled',
  'restartOnWakeup',
] as const

/** Writes the settings of a new instance. */
export async function prepareSyncthing(home: string, folder: string): Promise<void> {
  await mkdir(home, { recursive: true })
  await runToEnd(pathOf('syncthing'), ['generate', '--home', home, '--no-default-folder'])
  const [port, guiPort] = await freePorts()
  let config = await readFile(join(home, 'config.xml'), 'utf8')
  for (const name of off)
    config = config.replace(new RegExp(`<${name}>true<`), () => `<${name}>false<`)
  config = config
    .replace('>default</listenAddress>', () => `>tcp://127.0.0.1:${port}</listenAddress>`)
    .replace('>127.0.0.1:8384<', () => `>127.0.0.1:${guiPort}<`)
    .replace('<autoUpgradeIntervalH>12<', () => '<autoUpgradeIntervalH>0<')
    .replace('<urAccepted>0<', () => '<urAccepted>-1<')
    .replace(
      '</configuration>',
      () =>
        `<folder id="bench" label="bench" path="${folder}" type="sendonly" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="10"></folder></configuration>`,
    )
  await mkdir(join(folder, '.stfolder'), { recursive: true })
  await writeFile(join(home, 'config.xml'), config)
}

/** Starts it; resolves when it has recorded all files. @throws AppError DEADLINE_EXCEEDED */
export async function startSyncthing(options: StartOptions): Promise<Syncthing> {
  const { home, files, deadlineMs } = options
  const config = await readFile(join(home, 'config.xml'), 'utf8')
  const key = /<apikey>(.*)<\/apikey>/.exec(config)?.[1] ?? ''
  const address = /<gui [^>]*>\s*<address>(.*)<\/address>/.exec(config)?.[1] ?? ''
  await using starting = new AsyncDisposableStack()
  const words = ['serve', '--home', home, '--no-browser', '--no-restart', '--no-upgrade']
  const child = spawn(pathOf('syncthing'), words, { stdio: 'ignore' })
  const ended = once(child, 'close')
  starting.defer(async () => {
    child.kill()
    await ended
  })
  const url = `http://${address}/rest/db/status?folder=bench`
  const deadline = { what: 'Scanning with syncthing', deadlineMs }
  await withDeadline(deadline, systemClock, async (signal) => {
    while (!(await isDone(url, key, files))) await systemClock.sleep(lookEveryMs, signal)
  })
  const started = starting.move()
  return { pid: Number(child.pid), [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function isDone(url: string, key: string, files: number): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { 'X-API-Key': key } })
    const status = (await response.json()) as { state?: string; localFiles?: number }
    return status.state === 'idle' && status.localFiles === files
  } catch {
    // It is not listening yet.
    return false
  }
}
