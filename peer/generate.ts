/**
 * Made-up files to try the system with: small texts and larger random ones, different for every
 * peer, and the same on every machine for the same seed.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Random, seededRandom } from '../common/random.ts'

const textBytes = 1_024
const binaryBytes = 1_024 * 1_024
/** Sixteen, so that half a byte of chance chooses one. */
const words = (
  'amber basin cedar delta ember fjord grove heron inlet juniper knoll lagoon maple north ' +
  'orchard prairie'
).split(' ')

export interface GenerateOptions {
  /** Begins every name, and makes the content differ from other peers'. */
  readonly peerId: string
  /** How many texts of 1 KiB. */
  readonly kb: number
  /** How many binary files of 1 MiB. */
  readonly mb: number
  readonly seed: string
}

/** What `--generate` makes: enough to see the system work, little enough for any disk. */
export const generateDefaults = { kb: 100, mb: 10, seed: 'tandem' } as const

export interface GeneratedFile {
  readonly name: string
  readonly bytes: Buffer
}

/** The files, one by one: `peer1_kb_0001.txt` … and then `peer1_mb_0001.bin` …. */
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
 * Writes the files into `folder`, which is made when it is missing and left alone when anything
 * is in it. Returns how many files were written.
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
 * Fills the `shared/` folder of a peer whose catalog has no shared files. If the catalog has some, an empty
 * folder is not new: its disk is not mounted, or its files are lost, and files written there would hide that.
 * @returns how many files were written
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

/** Lines of words after a line with the file's name; exactly 1 KiB, with a line feed at the end. */
function textOf(name: string, random: Random): Buffer {
  let text = `${name}\n`
  while (text.length < textBytes)
    text += `${[...random.bytes(8)].map((byte) => words[byte % words.length]).join(' ')}\n`
  return Buffer.from(`${text.slice(0, textBytes - 1)}\n`)
}
