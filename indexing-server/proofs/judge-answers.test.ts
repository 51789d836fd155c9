import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeAnswers, type ProofAnswer } from './judge-answers.ts'

const proof = (text: string): ProofAnswer => ({ kind: 'proof', proof: text })
const never = (): boolean => false

function verdicts(
  answers: Readonly<Record<string, ProofAnswer>>,
  options: Partial<Parameters<typeof judgeAnswers>[1]> = {},
) {
  const all = new Map(Object.entries(answers))
  return Object.fromEntries(judgeAnswers(all, { mustShow: never, ...options }))
}

test('equal proofs are true; a missing answer is none', () => {
  expect(
    verdicts({
      a: proof('x'),
      b: proof('x'),
      gone: { kind: 'absent' },
      slow: { kind: 'late' },
      full: { kind: 'busy' },
    }),
  ).toEqual({ a: 'passed', b: 'passed', gone: 'absent', slow: 'late', full: 'busy' })
  expect(verdicts({ only: proof('x') })).toEqual({ only: 'passed' })
})

test('if proofs differ, no majority decides: all must show the chunk', () => {
  const answers = {
    honest: proof('x'),
    liar1: proof('y'),
    liar2: proof('y'),
    gone: { kind: 'late' },
  } as const
  expect(verdicts(answers)).toEqual({ honest: 'show', liar1: 'show', liar2: 'show', gone: 'late' })
})

test('the chunk must be shown where that is asked for', () => {
  const mustShow = (peerId: string): boolean => peerId === 'b'
  expect(verdicts({ a: proof('x'), b: proof('x') }, { mustShow })).toEqual({
    a: 'passed',
    b: 'show',
  })
})

test('in a mesh, what the own peer has is the truth; without it nothing is said', () => {
  const others = { a: proof('x'), b: proof('y'), c: proof('y') } as const
  const options = { ownPeerId: 'own', mustShow: () => true }
  expect(verdicts({ own: proof('x'), ...others }, options)).toEqual({
    own: 'passed',
    a: 'passed',
    b: 'wrong',
    c: 'wrong',
  })
  expect(verdicts({ own: { kind: 'busy' }, ...others }, options)).toEqual({ own: 'busy' })
  expect(verdicts(others, options)).toEqual({})
})

test('no honest holder is ever found wrong by comparing, whatever others answer', () => {
  const answer = fc.constantFrom<ProofAnswer>(proof('x'), proof('y'), proof('z'), { kind: 'late' })
  fc.assert(
    fc.property(fc.dictionary(fc.string(), answer), (others) => {
      const found = verdicts({ ...others, honest: proof('x') })
      expect(['passed', 'show']).toContain(found['honest'])
      const passed = Object.keys(found).filter((peerId) => found[peerId] === 'passed')
      for (const peerId of passed) expect(others[peerId] ?? proof('x')).toEqual(proof('x'))
    }),
  )
})
