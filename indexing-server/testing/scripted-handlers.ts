import { AppError } from '../../common/errors.ts'
import { bytesSource } from '../../common/protocol/bulk.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { RequestOf, Task } from '../../common/protocol/messages.ts'
import type { Relabelling } from '../../common/protocol/trash-messages.ts'
import { KeptDecisions } from './kept-decisions.ts'

/** What a scripted peer does when the index asks; by default nothing. */
export interface PeerScript {
  readonly onTasks?: (tasks: readonly Task[]) => void
  readonly onProbe?: () => Promise<Record<string, never>>
  readonly onReached?: (reason: string | undefined) => void
  readonly onCancel?: (taskIds: readonly string[]) => void
  readonly onVerify?: (sha256: string) => void
  /** Answers `prove`; by default like a peer without the content. */
  readonly onProve?: (challenge: RequestOf<'prove'>) => string | Promise<string>
  /** The chunk list and the chunk; by default it has none. */
  readonly onShow?: (wanted: RequestOf<'show-chunk'>) => Uint8Array | Promise<Uint8Array>
  readonly hasCopy?: (sha256: string) => boolean | Promise<boolean>
  readonly onRelabel?: (copies: readonly Relabelling[]) => boolean[]
  readonly onRestore?: (request: RequestOf<'restore-file'>) => void
  readonly kept?: KeptDecisions
  readonly otherKept?: KeptDecisions
}

export function scriptedHandlers(script: PeerScript): Handlers<'index', 'peer', undefined> {
  const { kept = new KeptDecisions(), hasCopy = () => false } = script
  const { onProve = hasNothing, onShow = hasNothing } = script
  return {
    tasks: async ({ tasks }) => {
      script.onTasks?.(tasks)
      return {}
    },
    'cancel-tasks': async ({ taskIds }) => {
      script.onCancel?.(taskIds)
      return {}
    },
    probe: async () => (await script.onProbe?.()) ?? {},
    verify: async ({ sha256 }) => {
      script.onVerify?.(sha256)
      return {}
    },
    prove: async (challenge) => ({ proof: await onProve(challenge) }),
    'show-chunk': async (wanted) => ({ reply: {}, bulk: bytesSource(await onShow(wanted)) }),
    'confirm-copies': async ({ sha256s }) => ({
      confirmed: await Promise.all(sha256s.map(async (sha256) => await hasCopy(sha256))),
    }),
    relabel: async ({ copies }) => ({
      relabelled: script.onRelabel?.(copies) ?? copies.map(() => false),
    }),
    'restore-file': async (request) => {
      script.onRestore?.(request)
      return {}
    },
    'keep-intent': async (page) => kept.keep(page),
    'read-intent': async (page) =>
      page.logId === undefined
        ? kept.read(page)
        : (script.otherKept?.read(page) ?? { records: [] }),
    reached: async ({ reason }) => {
      script.onReached?.(reason)
      return {}
    },
  }
}

async function hasNothing({ sha256 }: { sha256: string }): Promise<never> {
  throw new AppError('CONTENT_NOT_FOUND', { sha256 })
}
