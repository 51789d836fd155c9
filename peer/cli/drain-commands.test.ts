import { describe, expect, test } from 'vitest'
import { Shell } from '../testing/shell.ts'

const lacking = ['a', 'b', 'c', 'd']

describe('drain', () => {
  test('says how many files still need a copy, and how to wait or revert', async () => {
    const shell = new Shell()
    shell.peer.lackingFiles.push('a', 'b')
    expect(await shell.type('drain', 'peer2')).toBe(0)
    expect(shell.answers.text).toBe(
      'peer2 is being drained: 2 of 4 files (20 B) still lack copies on other live peers. Do not stop it yet: `drain peer2 --wait` waits, `undrain peer2` reverts.\n',
    )
  })

  test('waits until the last file has its copies', async () => {
    const shell = new Shell()
    shell.peer.lackingFiles.push(...lacking)
    const typed = shell.type('drain', 'peer2', '--wait')
    await shell.clock.advance(70_000)
    shell.peer.lackingFiles.splice(0, 3)
    await shell.clock.advance(70_000)
    expect(shell.remarks.text.split('\n')).toEqual([
      'peer2: 4 of 4 files (40 B) still lack copies on other live peers',
      'peer2: 1 of 4 files (10 B) still lack copies on other live peers, about 41 s left',
      '',
    ])
    expect(shell.answers.text).toBe('')
    shell.peer.lackingFiles.splice(0)
    await shell.clock.advance(1_000)
    expect(await typed).toBe(0)
    expect(shell.answers.text).toBe(
      'peer2 is drained: all of its files have their copies elsewhere. It is safe to stop it.\n',
    )
  })

  test('is reverted by undrain', async () => {
    const shell = new Shell()
    await shell.type('drain', 'peer2')
    expect(await shell.json('undrain', 'peer2')).toEqual({ peerId: 'peer2', wasDrained: true })
    await shell.type('undrain', 'peer2')
    expect(shell.answers.text).toMatch(/peer2 was not drained\.\n$/)
  })

  test('fails for an unknown peer', async () => {
    const shell = new Shell()
    expect(await shell.type('drain', 'peer9')).toBe(1)
    expect(shell.remarks.text).toContain("PEER_UNKNOWN: The index knows no peer 'peer9'")
  })
})

describe('maintenance', () => {
  test('says for how long, and what cannot be read meanwhile', async () => {
    const shell = new Shell()
    shell.peer.lackingFiles.push(...lacking)
    expect(await shell.type('maintenance', 'peer2', '--for', '2h')).toBe(0)
    expect(shell.answers.text.split('\n')).toEqual([
      'peer2 may be away for 2 h 00 min: its copies are not made elsewhere meanwhile. `maintenance peer2 --end` ends it.',
      "Without it, 4 files (40 B) cannot be read: no other live peer has 'a', 'b', 'c' and 1 more.",
      '',
    ])
    expect(await shell.json('maintenance', 'peer2', '--end')).toEqual({
      peerId: 'peer2',
      wasInMaintenance: true,
    })
  })

  test.each([
    ['soon', 'must be a number with a unit'],
    ['25h', 'may be 1 d 00 h at most: `drain` a peer that is away for longer'],
  ])('--for %s is wrong usage', async (duration, complaint) => {
    const shell = new Shell()
    expect(await shell.type('maintenance', 'peer2', '--for', duration)).toBe(2)
    expect(shell.remarks.text).toContain(complaint)
  })
})

describe('safe-to-stop', () => {
  test('succeeds if other peers have everything', async () => {
    const shell = new Shell()
    expect(await shell.type('safe-to-stop', 'peer2')).toBe(0)
    expect(shell.answers.text).toBe(
      'It is safe to stop peer2: all of its 4 files have a live copy on other peers.\n',
    )
    expect(await shell.json('safe-to-stop', 'peer2', '--for-good')).toMatchObject({ safe: true })
  })

  test('fails otherwise, with the number and the first names', async () => {
    const shell = new Shell()
    shell.peer.lackingFiles.push(...lacking)
    expect(await shell.type('safe-to-stop', 'peer2')).toBe(1)
    expect(shell.remarks.text).toContain(
      "It is not safe to stop 'peer2': 4 of its 4 files (40 B) have no other live copy, such as 'a', 'b', 'c' and 1 more.",
    )
    expect(await shell.type('safe-to-stop', 'peer2', '--for-good', '--json')).toBe(1)
    expect(JSON.parse(shell.answers.text)).toMatchObject({ safe: false, lacking: { files: 4 } })
  })
})
