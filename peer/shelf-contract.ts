import { basename } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AppError, toAppError } from '../common/errors.ts'
import type { CopyKey } from '../common/protocol/messages.ts'
import { contentOf } from '../common/testing/contents.ts'
import type { FinishedFile, Shelf, ShelvedFile, SmallFile } from './shelf.ts'

/** A shelf, and its files as a user sees them. */
export interface TestShelf extends AsyncDisposable {
  readonly shelf: Shelf
  /** Writes a finished file outside of its place. @returns its path */
  readonly writePartial: (text: string) => Promise<string>
  /** Writes a file in its place, or removes it, without the shelf. */
  readonly write: (name: string, text: string | undefined) => Promise<void>
  /** What the file of a name holds, if there is one. */
  readonly read: (name: string) => Promise<string | undefined>
}

const keyOf = (name: string): CopyKey => ({ kind: 'downloaded', name })

function small(name: string, text: string): SmallFile {
  const { content, bytes } = contentOf(Buffer.from(text))
  return { key: keyOf(name), content, bytes }
}

function codeOrName(outcome: ShelvedFile | AppError | undefined): string | undefined {
  return outcome instanceof AppError ? outcome.code : outcome && basename(outcome.at.path)
}

/** Adds a way to make finished files; closes the shelf when the test ends. */
async function startIn(opened: TestShelf) {
  onTestFinished(async () => await opened[Symbol.asyncDispose]())
  const finished = async (name: string, text: string): Promise<FinishedFile> => {
    const { content, chunkList } = contentOf(Buffer.from(text))
    return { key: keyOf(name), content, chunkList, partialPath: await opened.writePartial(text) }
  }
  return { ...opened, finished }
}

/** The tests that every {@link Shelf} passes. */
export function shelfContract(open: () => Promise<TestShelf>): void {
  const start = async () => await startIn(await open())

  test('a finished file is moved into its place, and is there from then on', async () => {
    const { shelf, finished, read } = await start()
    const file = await finished('a/b', 'text')
    expect(await shelf.areThere([file])).toEqual([false])
    const { at, content } = await shelf.adopt(file)
    expect(at.path).toMatch(/a\/b$/)
    expect(content.size).toBe(4)
    expect(await read('a/b')).toBe('text')
    expect(await shelf.areThere([file, small('a/b', 'else'), small('c', 'text')])).toEqual([
      true,
      false,
      false,
    ])
  })

  test('small files are placed together; one with an invalid name does not affect the others', async () => {
    const { shelf, read } = await start()
    const files = [small('a', 'one'), small('../b', 'out'), small('c/d', ''), small('e', 'one')]
    const outcomes = await shelf.adoptGroup(files)
    const told = outcomes.map((one) => (one instanceof AppError ? one.code : one.content.size))
    expect(told).toEqual([3, 'NAME_INVALID', 0, 3])
    const texts = ['a', 'c/d', 'e'].map(async (name) => await read(name))
    expect(await Promise.all(texts)).toEqual(['one', '', 'one'])
    expect(await shelf.areThere(files)).toEqual([true, false, true, true])
  })

  test("a user's file is never overwritten", async () => {
    const { shelf, finished, write, read } = await start()
    for (const name of ['a', 'b']) await write(name, 'mine')
    const one = await shelf.adopt(await finished('a', 'yours')).catch(toAppError)
    const [other] = await shelf.adoptGroup([small('b', 'yours')])
    expect(['FILE_EXISTS', 'a (2)']).toContain(codeOrName(one))
    expect(['FILE_EXISTS', 'b (2)']).toContain(codeOrName(other))
    expect([await read('a'), await read('b')]).toEqual(['mine', 'mine'])
  })

  test('a file with the same content in its place is kept', async () => {
    const { shelf, finished, write, read } = await start()
    for (const name of ['a', 'b']) await write(name, 'same')
    const { at } = await shelf.adopt(await finished('a', 'same'))
    expect(at.path).toMatch(/a$/)
    expect(await shelf.adoptGroup([small('b', 'same')])).toMatchObject([{ content: { size: 4 } }])
    expect([await read('a'), await read('b')]).toEqual(['same', 'same'])
  })

  test('a file that was changed or removed since is not there', async () => {
    const { shelf, write } = await start()
    const files = [small('a', 'one'), small('b', 'two'), small('c', 'three')]
    await shelf.adoptGroup(files)
    await write('a', 'changed')
    await write('b', undefined)
    expect(await shelf.areThere(files)).toEqual([false, false, true])
  })

  test('a content that it has is copied and read; one that it lacks is not', async () => {
    const { shelf, finished, read } = await start()
    const file = await finished('a', 'text')
    const { sha256 } = file.content
    expect(await shelf.copyLocal(sha256, file.key)).toBeUndefined()
    expect(await shelf.readSmall([sha256])).toEqual([undefined])
    await shelf.adopt(file)
    expect(await shelf.copyLocal(sha256, file.key)).toMatchObject({ content: { size: 4 } })
    expect(await read('a')).toBe('text')
    const [bytes] = await shelf.readSmall([sha256])
    expect([undefined, 'text']).toContain(bytes && Buffer.from(bytes).toString())
  })
}
