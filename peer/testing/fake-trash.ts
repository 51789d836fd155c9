import { AppError } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import type { CallReply, CallRequest } from '../api/calls.ts'
import type { TrashPage } from '../api/file-shapes.ts'

/** Deleted files for tests, in memory. */
export class FakeTrash {
  readonly files: TrashPage['files'] = []

  list({ q }: CallRequest<'trash'>): TrashPage {
    return { files: this.files.filter(({ name }) => name.includes(q.replace('**', ''))) }
  }

  empty({ pattern }: CallRequest<'emptyTrash'>): CallReply<'emptyTrash'> {
    const removed = this.files.filter(({ name }) => pattern === undefined || name === pattern)
    for (const file of removed) this.files.splice(this.files.indexOf(file), 1)
    return { removed: removed.length, others: 0 }
  }

  restore({ name: text }: CallRequest<'restore'>): CallReply<'restore'> {
    const name = parseName(text)
    const file = this.files.find((one) => one.name === name)
    if (file === undefined) throw new AppError('NOT_IN_TRASH', { name })
    this.files.splice(this.files.indexOf(file), 1)
    const { owner, sha256, size } = file
    return { name, owner, at: owner, sha256, size, isDone: true }
  }
}
