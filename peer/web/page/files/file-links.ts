/** Addresses and command lines with which programs fetch a file from this peer. */
import { encodedPath, partsOf, shellWord } from '../format/names.ts'

export interface FileAddress {
  /** Such as `http://127.0.0.1:8100`. */
  readonly origin: string
  readonly name: string
  readonly sha256: string
}

export interface CommandLine {
  readonly program: 'curl' | 'aria2c'
  readonly what: string
  readonly text: string
}

export function fileUrl({ origin, name, sha256 }: FileAddress): string {
  return `${origin}/files/${sha256}/${encodedPath(partsOf(name).file)}`
}

/** Whether a peer at this origin wants its token: others can reach it, perhaps through a port of its container. */
export function wantsToken(origin: string): boolean {
  const { hostname, protocol } = new URL(origin)
  return protocol === 'https:' || !isLoopback(hostname)
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

/** `$TOKEN` stands for the peer's token: the page does not know it. */
const bearer = '"Authorization: Bearer $TOKEN"'

export function commandLines(address: FileAddress): readonly CommandLine[] {
  const url = fileUrl(address)
  const { file } = partsOf(address.name)
  const isGuarded = wantsToken(address.origin)
  const output = `-o ${shellWord(file.startsWith('-') ? `./${file}` : file)}`
  return [
    {
      program: 'curl',
      what: 'resumes, from this peer',
      text: ['curl', '-C -', ...(isGuarded ? [`-H ${bearer}`] : []), output, shellWord(url)].join(
        ' ',
      ),
    },
    {
      program: 'aria2c',
      what: 'from all peers that have it',
      text: [
        'aria2c',
        '--follow-metalink=mem',
        ...(isGuarded ? [`--header ${bearer}`] : []),
        shellWord(`${url}.meta4`),
      ].join(' '),
    },
  ]
}
