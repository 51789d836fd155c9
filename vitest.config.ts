import { defineConfig } from 'vitest/config'

// oxlint-disable-next-line import/no-default-export -- Vitest asks for it
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{common,indexing-server,peer,scripts,evaluation}/**/*.test.ts'],
          exclude: ['evaluation/system/**'],
          // No module keeps state, so that files may share a worker: half the time.
          isolate: false,
          // Property tests take seconds where many share a core.
          testTimeout: 30_000,
          // Awaited events come soon, but it is unknown how soon on a busy machine.
          expect: { poll: { timeout: 20_000, interval: 10 } },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['evaluation/system/**/*.test.ts'],
          // Real processes, which wait most of the time: two clusters keep two cores busy. They get time
          // for a machine that does ten other things.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 240_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 60_000, interval: 50 } },
        },
      },
    ],
    coverage: {
      include: ['{common,indexing-server,peer}/**/*.ts'],
      exclude: ['**/testing/**'],
    },
  },
})
