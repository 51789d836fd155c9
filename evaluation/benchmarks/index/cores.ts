import type { ProcessHost } from '../../system/process-host.ts'
import { pathOf } from '../anchor-programs.ts'

/** What is measured runs on one core, and what measures it on another. */
export const serverCore = 0
export const clientCore = 1

/** The command that runs a program on one core. */
export function pinnedTo(
  core: number,
  path: string,
  words: readonly string[],
): [path: string, words: string[]] {
  return [pathOf('taskset'), ['--cpu-list', String(core), path, ...words]]
}

/** This machine, for a program on one core. */
export function hostPinnedTo(core: number): ProcessHost {
  return {
    address: '127.0.0.1',
    prefix: [pathOf('taskset'), '--cpu-list', String(core)],
    openDoor: async () => ({ [Symbol.asyncDispose]: async () => {} }),
  }
}
