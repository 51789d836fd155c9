/**
 * Generated files for trying the system: small texts and larger random files. They differ between
 * peers, and are the same on every machine for the same seed.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Random, seededRandom } from '../common/random.ts'

const textBytes = 1_024
const binaryBytes = 1_024 * 1_024
/** Sixteen, so that half a random byte chooses one. */
const words = (
  'amber basin cedar delta ember fjord grove heron inlet juniper knoll lagoon maple north ' +
  'orchard prairie'
).split(' ')

export interface GenerateOptions {
  /** Starts every name, and makes the contents differ from those of other peers. */
  readonly peerId: string
  /** The number of text files of 1 KiB. */
  readonly kb: number
  /** The number of binary files of 1 MiB. */
  readonly mb: number
  readonly seed: string
}

/** The defaults of `--generate`: enough to see the system work, small enough for any disk. */
export const generateDefaults = { kb: 100, mb: 10, seed: 'tandem' } as const

export interface GeneratedFile {
  readonly name: string
  readonly bytes: Buffer
}

/** The files one by one: `peer1_kb_0001.txt` …, then `peer1_mb_0001.bin` …. */
export function* generatedFiles(options: GenerateOptions): Generator<GeneratedFile> {
  for (let count = 1; count <= options.kb; count++) {
    const name = `${options.peerId}_kb_${fourDigits(count)}.txt`
    yield { name, bytes: textOf(name, seededRandom(`${options.seed}/${name}`)) }
  }
  for (let count = 1; count <= options.mb; count++) {
    const name = `${options.peerId}_mb_${fourDigits(count)}.bin`
    yield { name, bytes: seededRandom(`${options.seed}/${name}`).bytes(binaryBytes) }
  }
}

/**
 * Writes the files into `folder`, which is created if missing and left unchanged unless it is
 * empty.
 * @returns the number of files written
 */
export async function fillEmptyFolder(folder: string, options: GenerateOptions): Promise<number> {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) return 0
  let written = 0
  for (const { name, bytes } of generatedFiles(options)) {
    await writeFile(join(folder, name), bytes)
    written++
  }
  return written
}

/**
 * Fills the `shared/` folder of a peer whose catalog has no shared files. If the catalog has some,
 * an empty folder is not new: its disk is not mounted, or its files are lost, and files written
 * there would hide that.
 * @returns the number of files written
 */
export async function fillNewShare(
  { folder, knownFiles }: { folder: string; knownFiles: number },
  options: GenerateOptions,
): Promise<number> {
  return knownFiles > 0 ? 0 : await fillEmptyFolder(folder, options)
}

function fourDigits(count: number): string {
  return String(count).padStart(4, '0')
}

/** A line with the file's name, then lines of words; exactly 1 KiB, ending with a line feed. */
function textOf(name: string, random: Random): Buffer {
  let text = `${name}\n`
  while (text.length < textBytes)
    text += `${[...random.bytes(8)].map((byte) => words[byte % words.length]).join(' ')}\n`
  return Buffer.from(`${text.slice(0, textBytes - 1)}\n`)
}
