import { open } from 'node:fs/promises'
import { reasonOf } from '../../contract/errors.ts'
import { FILE_BYTES_MAX, refused } from './sheet.ts'

/** A file that somebody brings: never more of it than is allowed, also of what has no size, such as a pipe. */
export async function bytesOf(file: string): Promise<Buffer> {
  const handle = await open(file).catch((error: unknown) => {
    throw refused(reasonOf(error))
  })
  try {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of handle.createReadStream()) {
      bytes += (chunk as Buffer).length
      if (bytes > FILE_BYTES_MAX) throw refused(`${file} is larger than ${FILE_BYTES_MAX} bytes`)
      chunks.push(chunk as Buffer)
    }
    return Buffer.concat(chunks)
  } finally {
    await handle.close()
  }
}
