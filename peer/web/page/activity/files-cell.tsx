import type { JSX } from 'preact'
import { PathText } from '../parts/path-text.tsx'
import { type Files, filesText } from './activity-text.ts'

/** The files of a transfer, on one line. */
export function FilesCell({ files }: { readonly files: Files }): JSX.Element {
  if (files.name !== undefined) return <PathText name={files.name} />
  const text = filesText(files)
  return (
    <span class="cut" title={text}>
      {text}
    </span>
  )
}
