import { expect, test } from 'vitest'
import { Capacity } from './capacity.ts'

test('replicas, and those being made, stay within what the peer gives', () => {
  let held = 40
  let given = 100
  const capacity = new Capacity({ capacityBytes: () => given, replicaBytes: () => held })
  const first = capacity.reserve(50)
  expect(() => capacity.reserve(11)).toThrow(/offers 100 bytes/)
  capacity.reserve(10)[Symbol.dispose]()
  capacity.reserve(10)[Symbol.dispose]()
  first[Symbol.dispose]()
  held = 200
  expect(() => capacity.reserve(1)).toThrow(/1 more do not fit/)
  expect(() => capacity.reserve(0)).not.toThrow()
  given = 201
  expect(() => capacity.reserve(1)).not.toThrow()
  given = 0
  expect(() => capacity.reserve(1)).toThrow(/offers 0 bytes/)
})

test('without a limit everything fits', () => {
  const capacity = new Capacity({ capacityBytes: () => Infinity, replicaBytes: () => 1e15 })
  expect(() => capacity.reserve(1e15)).not.toThrow()
})
