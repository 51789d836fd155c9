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
  {
    found:
      'the only keeper of a file could not restore it after its owner and the index had lost their disks',
    script: {
      seed: 3,
      peers: Array.from({ length: 4 }, () => ({ diskBytes: 268_435_456 })),
      settings: {},
      actions: [
        { atMs: 1_528, do: 'write', peer: 2, name: 'c/d/2', content: { number: 1, bytes: 5_000 } },
        { atMs: 46_468, do: 'crash', peer: 2, forMs: 120_000, isDiskLost: true, awaits: 0 },
        { atMs: 61_000, do: 'cut', from: [0], to: [-1, 1, 2, 3], isOneWay: false, forMs: 467_000 },
        {
          atMs: 62_701,
          do: 'write',
          peer: 2,
          name: 'c/d/19',
          content: { number: 2, bytes: 5_000 },
        },
        { atMs: 62_709, do: 'crash-index', forMs: 20_000, isDiskLost: true, awaits: 0 },
      ],
    },
  },
  {
    found:
      'an owner that had lost its disk was given none of three copies, although all others had one',
    script: {
      seed: 138,
      peers: Array.from({ length: 3 }, () => ({ diskBytes: 268_435_456 })),
      settings: {},
      actions: [
        { atMs: 5_000, do: 'write', peer: 0, name: 'a/1', content: { number: 1, bytes: 100 } },
        { atMs: 10_000, do: 'replicate', peer: 1, pattern: 'a', factor: 3 },
        { atMs: 60_000, do: 'crash', peer: 0, forMs: 30_000, isDiskLost: true, awaits: 0 },
      ],
    },
  },
  {
    found: 'a peer was asked again for a copy that it had reported and not announced yet',
    script: {
      seed: 3022,
      peers: [
        { zone: 'zone0', diskBytes: 69206016 },
        { zone: 'zone1', diskBytes: 89128960 },
        { zone: 'zone2', diskBytes: 71303168 },
        { zone: 'zone0', diskBytes: 100663296 },
        { zone: 'zone1', diskBytes: 91226112 },
      ],
      settings: { replicationFactor: 3 },
      actions: [
        { atMs: 543, do: 'write', peer: 1, name: 'c/d/9', content: { number: 72, bytes: 2791 } },
        { atMs: 598, do: 'write', peer: 0, name: 'b/13', content: { number: 20, bytes: 1289 } },
        { atMs: 1364, do: 'write', peer: 3, name: 'a/2', content: { number: 25, bytes: 3602 } },
        { atMs: 1509, do: 'write', peer: 0, name: 'a/1', content: { number: 72, bytes: 394 } },
        { atMs: 1750, do: 'write', peer: 4, name: 'b/8', content: { number: 36, bytes: 2441 } },
      ],
    },
  },
]
