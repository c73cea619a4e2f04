import { closeSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { SimError } from '../error.ts'

const CHUNK_BYTES = 65_536
const LINE_CHARS_MAX = 100_000

/** The lines of a file, read as they are asked for. @throws SimError SIM_CONFIG_INVALID */
export function* linesOf(path: string): Generator<string> {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (cause) {
    throw new SimError('SIM_CONFIG_INVALID', `${path}: ${(cause as Error).message}`)
  }
  const chunk = Buffer.alloc(CHUNK_BYTES)
  const decoder = new StringDecoder('utf8')
  let rest = ''
  try {
    for (;;) {
      const count = readSync(file, chunk, 0, CHUNK_BYTES, null)
      const lines = (rest + decoder.write(chunk.subarray(0, count))).split(/\r?\n/)
      rest = lines.pop() ?? ''
      if (rest.length > LINE_CHARS_MAX)
        throw new SimError('SIM_CONFIG_INVALID', `${path}: a line is too long to be one of a CSV`)
      yield* lines
      if (count === 0) break
    }
    if (rest !== '') yield rest
  } finally {
    closeSync(file)
  }
}
