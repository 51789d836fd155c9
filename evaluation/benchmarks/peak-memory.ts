import { readFile } from 'node:fs/promises'

/** Peak resident memory of a process in bytes. Linux only. */
export async function peakMemoryOf(pid: number): Promise<number> {
  return await memoryOf(pid, 'VmHWM')
}

/** Resident memory of a process in bytes. Linux only. */
export async function residentMemoryOf(pid: number): Promise<number> {
  return await memoryOf(pid, 'VmRSS')
}

async function memoryOf(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? []
  if (kibibytes === undefined) throw new Error(`process ${pid} does not report its memory`)
  return Number(kibibytes) * 1024
}
