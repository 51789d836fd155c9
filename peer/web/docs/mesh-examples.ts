import type { CallExamples } from './example.ts'

const mesh = { isMember: true, live: 5, suspect: 1, gone: 0, behind: 0 } as const

export const meshExamples: CallExamples<'mesh' | 'joinMesh'> = {
  mesh: { reply: mesh },
  joinMesh: { request: { address: '192.168.1.20:7100' }, reply: mesh },
}
