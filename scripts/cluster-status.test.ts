import { expect, test } from 'vitest'
import { type ClusterView, statusLine } from './cluster-status.ts'

const status = {
  peers: { live: 3, suspect: 0, dead: 0 },
  contents: 330,
  atFactor: 330,
  belowFactor: 0,
  tasks: { waiting: 0, running: 0 },
}

test.each<{ view: Omit<ClusterView, 'factor'>; line: string }>([
  {
    view: { peers: 3, ended: [], status },
    line: '3 of 3 peers live · 330 of 330 files at 2 copies',
  },
  {
    view: {
      peers: 3,
      ended: [],
      status: { ...status, atFactor: 320, tasks: { waiting: 6, running: 4 } },
    },
    line: '3 of 3 peers live · 320 of 330 files at 2 copies · 10 queued for copying',
  },
  {
    view: { peers: 3, ended: [], status: { ...status, peers: { live: 4, suspect: 0, dead: 0 } } },
    line: '4 of 4 peers live · 330 of 330 files at 2 copies',
  },
  {
    view: {
      peers: 3,
      ended: ['peer2'],
      status: {
        ...status,
        peers: { live: 2, suspect: 1, dead: 0 },
        paused: 'the index has just started',
      },
    },
    line: '2 of 3 peers live · 330 of 330 files at 2 copies · copying is paused: the index has just started · ended: peer2',
  },
  {
    view: { peers: 3, ended: ['peer1'], status: undefined },
    line: 'the index does not answer · ended: peer1',
  },
])('$line', ({ view, line }) => {
  expect(statusLine({ ...view, factor: 2 })).toBe(line)
})
