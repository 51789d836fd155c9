import { open, statfs } from 'node:fs/promises'
import { join } from 'node:path'

const mebibyte = 2 ** 20

/** Uses up all space on the disk of `folder`; returns the file that does. */
export async function fillDisk(folder: string): Promise<string> {
  const path = join(folder, 'filler')
  await using file = await open(path, 'w')
  const zeros = Buffer.alloc(mebibyte)
  for (;;) {
    const { bavail, bsize } = await statfs(folder)
    if (bavail === 0) return path
    await file.write(zeros, 0, Math.min(zeros.length, bavail * bsize))
  }
}
