/** Which files of shared/ are never shared. */
import ignore, { type Ignore } from 'ignore'

/** In shared/: further patterns, in the syntax of .gitignore. It is not shared itself. */
export const ignoreFileName = '.tandemignore'

/** Temporary files and files of the system; `!pattern` in the user's file shares them nevertheless. */
const alwaysIgnored = [
  // Editors: swap, backup and lock files.
  '.*.sw[a-p]',
  '*~',
  '\\#*\\#',
  '.\\#*',
  '.goutputstream-*',
  '*.kate-swp',
  // Office programs: lock and temporary files.
  '~$*',
  '.~lock.*\\#',
  '~*.tmp',
  // Unfinished downloads and synchronizations.
  '*.crdownload',
  '*.part',
  '*.partial',
  '*.opdownload',
  '*.download/',
  '*.aria2',
  '.syncthing.*.tmp',
  '~syncthing~*.tmp',
  // Operating systems.
  '.DS_Store',
  '._*',
  '.AppleDouble/',
  '.Spotlight-V100/',
  '.fseventsd/',
  '.Trashes/',
  '.Trash-*/',
  '$RECYCLE.BIN/',
  '[Tt]humbs.db',
  'ehthumbs.db',
  'desktop.ini',
  '.nfs*',
  '.fuse_hidden*',
]

/** The package remembers the result for each name without end: it is created anew after so many. */
const namesRememberedMax = 10_000

/** Pure: the text of the user's file decides. */
export class IgnoreRules {
  readonly #text: string
  #matcher: Ignore
  /** Names tested since the matcher was created. */
  #testedCount = 0

  constructor(text: string) {
    this.#text = text
    this.#matcher = matcherOf(text)
  }

  /** Whether a file or, with `isFolder`, a folder of shared/ is ignored, or a folder above it. */
  isIgnored(diskName: string, isFolder = false): boolean {
    if (diskName === '' || !ignore.isPathValid(diskName)) return false
    if (diskName === ignoreFileName) return true
    if (this.#testedCount === namesRememberedMax) {
      this.#matcher = matcherOf(this.#text)
      this.#testedCount = 0
    }
    this.#testedCount += 1
    return this.#matcher.ignores(isFolder ? `${diskName}/` : diskName)
  }

  /** The pattern that ignores a file of shared/, if one does. */
  patternFor(name: string): string | undefined {
    if (!this.isIgnored(name)) return undefined
    return this.#matcher.checkIgnore(name).rule?.pattern ?? name
  }
}

function matcherOf(text: string): Ignore {
  return ignore({ ignorecase: false }).add(alwaysIgnored).add(text)
}
