/** Syncthing with one folder, which it shares with given devices: its discovery, relays and reports are off. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { freePorts } from '../system/cluster-fixture.ts'
import { commandOn, type ProcessHost } from '../system/process-host.ts'
import { pathOf } from './anchor-programs.ts'
import { runToEnd } from './outside-process.ts'

/** An instance that can be started, again and again: it continues with its database. */
export interface SyncthingDevice {
  /** Folder of its settings and database. */
  readonly home: string
  /** The shared folder. */
  readonly folder: string
  readonly id: string
  /** Where other devices reach it. */
  readonly address: string
  readonly host: ProcessHost | undefined
  readonly guiPort: number
}

/** Runs until disposed. */
export interface Syncthing extends AsyncDisposable {
  readonly pid: number
  /** What it knows of its folder; undefined if it does not answer yet. */
  status(): Promise<FolderStatus | undefined>
  /** Whether it knows of a file, here or elsewhere. */
  lists(name: string): Promise<boolean>
  /** Looks for changes of one file, and records them. */
  scan(name: string): Promise<void>
  /** Number of other devices that it is connected with. */
  connections(): Promise<number>
}

/** As its REST API reports it. */
export interface FolderStatus {
  readonly state: string
  readonly localFiles: number
  /** Of all devices together. */
  readonly globalFiles: number
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
  // It would wait for other work of the machine, which Tandem does not.
  'setLowPriority',
] as const

/** Writes the settings of a new instance, which knows no others. */
export async function prepareSyncthing(
  home: string,
  folder: string,
  host?: ProcessHost,
): Promise<SyncthingDevice> {
  await mkdir(home, { recursive: true })
  await runToEnd(pathOf('syncthing'), ['generate', '--home', home, '--no-default-folder'])
  const [port, guiPort] = await freePorts()
  const address = `tcp://${host?.address ?? '127.0.0.1'}:${port}`
  let config = await readFile(join(home, 'config.xml'), 'utf8')
  for (const name of off)
    config = config.replace(new RegExp(`<${name}>true<`), () => `<${name}>false<`)
  config = config
    .replace('>default</listenAddress>', () => `>${address}</listenAddress>`)
    .replace('>127.0.0.1:8384<', () => `>127.0.0.1:${guiPort}<`)
    .replace('<autoUpgradeIntervalH>12<', () => '<autoUpgradeIntervalH>0<')
    .replace('<urAccepted>0<', () => '<urAccepted>-1<')
    .replace(
      '</configuration>',
      () =>
        `<folder id="bench" label="bench" path="${folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="10"></folder></configuration>`,
    )
  await mkdir(join(folder, '.stfolder'), { recursive: true })
  await writeFile(join(home, 'config.xml'), config)
  const id = /<device id="([^"]*)"/.exec(config)?.[1] ?? ''
  return { home, folder, id, address, host, guiPort }
}

/** Lets devices that have not been started yet share their folders with one another. */
export async function introduce(devices: readonly SyncthingDevice[]): Promise<void> {
  for (const { home, id: ownId } of devices) {
    const others = devices.filter(({ id }) => id !== ownId)
    const known = others.map(
      ({ id, address }) => `<device id="${id}"><address>${address}</address></device>`,
    )
    const sharing = others.map(({ id }) => `<device id="${id}"></device>`)
    const path = join(home, 'config.xml')
    const config = await readFile(path, 'utf8')
    // The folder is the last element: the file has another one, with the defaults of new folders.
    const end = '</folder></configuration>'
    const all = [...sharing, '</folder>', ...known, '</configuration>']
    const shared = config.replace(end, () => all.join(''))
    await writeFile(path, shared)
  }
}

/**
 * Starts it; resolves when it has recorded all its files.
 * @param options `files`: how many it has
 * @throws AppError DEADLINE_EXCEEDED
 */
export async function startSyncthing(
  device: SyncthingDevice,
  { files, deadlineMs }: { readonly files: number; readonly deadlineMs: number },
): Promise<Syncthing> {
  await using starting = new AsyncDisposableStack()
  const syncthing = starting.use(await launchSyncthing(device))
  const deadline = { what: 'Scanning with syncthing', deadlineMs }
  await withDeadline(deadline, systemClock, async (signal) => {
    for (;;) {
      const status = await syncthing.status()
      if (status?.state === 'idle' && status.localFiles === files) return
      await systemClock.sleep(lookEveryMs, signal)
    }
  })
  starting.move()
  return syncthing
}

/** Starts it; it does not answer yet. */
export async function launchSyncthing({
  home,
  host,
  guiPort,
}: SyncthingDevice): Promise<Syncthing> {
  const config = await readFile(join(home, 'config.xml'), 'utf8')
  const key = /<apikey>(.*)<\/apikey>/.exec(config)?.[1] ?? ''
  await using starting = new AsyncDisposableStack()
  if (host !== undefined) starting.use(await host.openDoor(guiPort))
  const words = ['serve', '--home', home, '--no-browser', '--no-restart', '--no-upgrade']
  const child = spawn(...commandOn(host, pathOf('syncthing'), words), { stdio: 'ignore' })
  const ended = once(child, 'close')
  starting.defer(async () => {
    child.kill()
    await ended
  })
  const ask = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`http://127.0.0.1:${guiPort}/rest/${path}`, { method, headers: { 'X-API-Key': key } })
  const started = starting.move()
  return {
    pid: Number(child.pid),
    async status() {
      try {
        return (await (await ask('db/status?folder=bench')).json()) as FolderStatus
      } catch {
        // It is not listening yet.
        return undefined
      }
    },
    async lists(name) {
      return (await ask(`db/file?folder=bench&file=${encodeURIComponent(name)}`)).ok
    },
    async scan(name) {
      await ask(`db/scan?folder=bench&sub=${encodeURIComponent(name)}`, 'POST')
    },
    async connections() {
      const { connections } = (await (await ask('system/connections')).json()) as {
        connections: Record<string, { connected: boolean }>
      }
      return Object.values(connections).filter(({ connected }) => connected).length
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
