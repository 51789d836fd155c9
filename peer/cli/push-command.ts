import { type FileHandle, open } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Command } from 'commander'
import { AppError, hasCode, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { printableJson } from './printable.ts'
import { progressLine } from './progress-bar.ts'
import { pushedText } from './reports.ts'
import type { Session } from './session.ts'

/** Between redraws of the bar. */
const redrawMs = 200

interface PushOptions {
  readonly name?: string
  readonly replace?: boolean
  readonly wait?: boolean
}

export function pushCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('push')
    .summary('share a copy of a file')
    .description('Copies a file into shared/, making it available to every peer.')
    .argument('<file>', 'path of a file')
    .option('--name <name>', 'name to share it under (default: its own)')
    .option('--replace', 'replace a shared file of this name')
    .option('--wait', 'return only when the file has all its copies')
    .action((file: string, options: Options & PushOptions) =>
      run(options, (session) => push(session, file, options)),
    )
}

/**
 * Copies a local file into the peer's shared/.
 * @throws AppError FILE_NOT_FOUND, DISK_FAILED, NAME_INVALID, and errors of the peer
 */
async function push(session: Session, file: string, options: PushOptions): Promise<void> {
  const { api, terminal, signal } = session
  const path = resolve(session.workingFolder, file)
  const name = parseName(options.name ?? basename(path))
  await using handle = await openFile(path)
  const { size } = await handle.stat()
  let isSent = false
  const bytes = readWithProgress(session, handle, size, () => {
    isSent = true
  })
  const { replace = false, wait = false } = options
  const pushed = await api.push({ name, bytes, replace, wait }, signal).catch((error: unknown) => {
    if (!signal.aborted || hasCode(signal.reason, 'STOPPING')) throw error
    const hint = isSent
      ? 'the peer has received all its bytes and keeps them; `why` shows the copies'
      : 'nothing was shared; run the command again'
    throw new AppError('INTERRUPTED', { what: `The push of '${name}'`, hint }, { cause: error })
  })
  await terminal.print(session.json ? printableJson(pushed, 2) : pushedText(pushed))
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const handle = await open(path)
    if (!(await handle.stat()).isDirectory()) return handle
    await handle.close()
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT')
      throw new AppError('FILE_NOT_FOUND', { path }, { cause: error })
    const details = { action: 'read', path, reason: reasonOf(error) }
    throw new AppError('DISK_FAILED', details, { cause: error })
  }
  const reason = 'it is a folder: push its files individually, or copy it into shared/'
  throw new AppError('DISK_FAILED', { action: 'push', path, reason })
}

async function* readWithProgress(
  { terminal, clock }: Session,
  handle: FileHandle,
  size: number,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  const startMs = clock.monotonicMs()
  let bytes = 0
  let shownMs = startMs
  for await (const piece of readPieces(handle)) {
    yield piece
    bytes += piece.byteLength
    const nowMs = clock.monotonicMs()
    if (nowMs - shownMs < redrawMs) continue
    shownMs = nowMs
    const bytesPerSecond = (bytes * 1000) / (nowMs - startMs)
    terminal.showProgress((columns) =>
      progressLine({ state: 'running', bytes, size, bytesPerSecond }, columns),
    )
  }
  onEnd()
  terminal.showProgress(() => 'Waiting for the peer…')
}

async function* readPieces(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(limits.diskReadBytes)
    const { bytesRead } = await handle.read(buffer)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}
