import { expect, test } from 'vitest'
import { certifiedNames } from './certified-names.ts'

const local = ['localhost', '127.0.0.1', '::1']
const hosts: Readonly<Record<string, string[]>> = {
  ada: ['192.0.2.7', '2001:db8::7'],
  eve: ['192.0.2.66'],
  here: ['127.0.1.1'],
  lan: ['192.0.2.1'],
}
const resolve = async (name: string): Promise<string[]> => hosts[name] ?? []
const own = (): string[] => ['192.0.2.1']

test.each([
  [
    'its address, and its names that lead there',
    ['files', 'ada'],
    '192.0.2.7',
    ['192.0.2.7', 'ada'],
  ],
  ['no name of another host', ['eve'], '192.0.2.7', ['192.0.2.7']],
  ['no other address', ['192.0.2.66'], '192.0.2.7', ['192.0.2.7']],
  ['no pattern', ['*', '*.example', ''], '192.0.2.7', ['192.0.2.7']],
  [
    'on the machine of the authority, what leads there',
    ['lan', 'eve'],
    '127.0.0.1',
    ['192.0.2.1', 'lan'],
  ],
])('a member has certified %s', async (_, asked, host, names) => {
  const certified = await certifiedNames({ asked, id: 'peer1', host }, resolve, own)
  expect(new Set(certified)).toEqual(new Set([...local, ...names]))
})

test('a member has its id certified if it is the name of its host', async () => {
  const of = async (id: string): Promise<string[]> =>
    await certifiedNames({ asked: [], id, host: '192.0.2.7' }, resolve, own)
  expect(await of('ada')).toContain('ada')
  expect(await of('eve')).not.toContain('eve')
})
