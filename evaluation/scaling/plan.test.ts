import { expect, test } from 'vitest'
import { filesNeeded, operationsOf, type ScalingPlan } from './plan.ts'

const work = { concurrency: [1, 2, 4], lookups: 100, kb: 10, mb: 1 }
const weak: ScalingPlan = { scaling: 'weak', ...work }
const strong: ScalingPlan = { scaling: 'strong', ...work }

test('weak scaling gives each client the same work, strong scaling all of them together', () => {
  expect(work.concurrency.map((clients) => operationsOf(weak, 'lookups', clients))).toEqual([
    100, 200, 400,
  ])
  expect(work.concurrency.map((clients) => operationsOf(strong, 'lookups', clients))).toEqual([
    100, 100, 100,
  ])
})

test('every step downloads its own files', () => {
  expect(filesNeeded([weak, strong], 'kb')).toBe(70 + 30)
  expect(filesNeeded([weak, strong], 'mb')).toBe(7 + 3)
})
