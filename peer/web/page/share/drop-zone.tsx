import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { Icon } from '../parts/icon.tsx'
import { usePage } from '../shell/page-context.ts'
import { readPicked } from './chosen-files.ts'

/** Missing in the types, as it is in no standard; all browsers know it. */
const pickFolder = { webkitdirectory: true }

/** Picks files or a folder; files may also be dropped anywhere on the page. */
export function DropZone(): JSX.Element {
  const { uploads, uploadFolder, live } = usePage()
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const take = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void => {
    uploads.add(readPicked(currentTarget.files ?? [], uploadFolder.value))
    currentTarget.value = ''
  }
  return (
    <section class="drop-zone" aria-labelledby="drop-title">
      <Icon name="share" />
      <h2 id="drop-title">Drop files or folders anywhere on this page</h2>
      <p class="soft">
        They go into <code>shared/</code> of {live.peerId.value || 'this peer'} and get their copies
        on other peers.
      </p>
      <div class="actions">
        <button type="button" class="button primary" onClick={() => files.current?.click()}>
          Choose files
        </button>
        <button type="button" class="button" onClick={() => folder.current?.click()}>
          Choose a folder
        </button>
      </div>
      <label class="folder-field">
        <span>Into the folder</span>
        <input
          class="input"
          type="text"
          value={uploadFolder.value}
          placeholder="top folder"
          spellcheck={false}
          autocomplete="off"
          onInput={({ currentTarget }) => {
            uploadFolder.value = currentTarget.value
          }}
        />
      </label>
      <input ref={files} type="file" multiple hidden onChange={take} aria-label="Files to share" />
      <input
        ref={folder}
        type="file"
        {...pickFolder}
        hidden
        onChange={take}
        aria-label="Folder to share"
      />
    </section>
  )
}
