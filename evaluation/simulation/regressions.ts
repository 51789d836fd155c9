import type { Script } from './script.ts'

/** Reduced scripts of seeds that once failed, and what they found. */
export const regressions: readonly { readonly found: string; readonly script: Script }[] = [
  {
    found: 'wrong bytes that the index could not be told of were logged as a program error',
    script: {
      seed: 130,
      peers: Array.from({ length: 4 }, () => ({ diskBytes: 268_435_456 })),
      settings: {},
      actions: [
        {
          atMs: 3_885,
          do: 'write',
          peer: 0,
          name: 'b/11',
          content: { number: 28, bytes: 2_109_497 },
        },
        { atMs: 5_000, do: 'lie', peer: 0, forMs: 389_472 },
        { atMs: 5_990, do: 'crash-index', forMs: 60_000, isDiskLost: false, awaits: 120 },
      ],
    },
  },
]
