import { createHash } from 'node:crypto'
import { decodeCredential, textOf } from '../../hub/contract/credentials.ts'
import { reasonOf } from '../../hub/contract/errors.ts'
import { isCount, type Position, positionOf } from './position.ts'
import { type CredentialStore, createCredentialStore } from './store.ts'

/**
 * A snapshot on disk: a line of JSON with the position and the count, a line for each credential, and a last line with
 * the SHA-256 of all before it. Lines, so that neither writing nor reading holds all of it as objects.
 */

const FORMAT = 'linli-credentials-1'
const CHUNK_CHARS = 65_536
/** So many lines are read in one turn of the event loop: a gate has to be served meanwhile. */
const LINES_PER_TURN = 500

export function* snapshotChunks(position: Position, store: CredentialStore): Iterable<string> {
  const sha = createHash('sha256')
  let chunk = `${JSON.stringify({ format: FORMAT, ...position, count: store.count })}\n`
  for (const credential of store.all()) {
    chunk += `${textOf(credential)}\n`
    if (chunk.length < CHUNK_CHARS) continue
    sha.update(chunk)
    yield chunk
    chunk = ''
  }
  sha.update(chunk)
  yield `${chunk}${JSON.stringify({ sha256: sha.digest('hex') })}\n`
}

export interface Snapshot {
  position: Position
  store: CredentialStore
}

/** @returns the reason when the file is damaged in any way */
export async function readSnapshot(content: Buffer): Promise<Snapshot | { damaged: string }> {
  try {
    return await parse(content)
  } catch (error) {
    return { damaged: reasonOf(error) }
  }
}

async function parse(content: Buffer): Promise<Snapshot | { damaged: string }> {
  const end = content.lastIndexOf(0x0a, content.length - 2)
  if (end < 0 || content[content.length - 1] !== 0x0a) return { damaged: 'the file is cut off' }
  const { sha256 } = JSON.parse(content.toString('utf8', end + 1)) as { sha256?: unknown }
  const body = content.subarray(0, end + 1)
  if (createHash('sha256').update(body).digest('hex') !== sha256) return { damaged: 'the checksum does not match' }
  let at = body.indexOf(0x0a) + 1
  const head = JSON.parse(body.toString('utf8', 0, at)) as Position & { format?: unknown; count?: unknown }
  if (head.format !== FORMAT || !isCount(head.count)) return { damaged: `the format is not ${FORMAT}` }
  const store = createCredentialStore(head.count)
  for (let line = 1; at < body.length; line++) {
    const next = body.indexOf(0x0a, at)
    const decoded = decodeCredential(JSON.parse(body.toString('utf8', at, next)))
    if (!decoded.ok) return { damaged: `line ${line + 1}: ${decoded.error.message}` }
    if (!store.put(decoded.value)) return { damaged: `line ${line + 1}: more than a gateway holds` }
    at = next + 1
    if (line % LINES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  if (store.count !== head.count || store.digest !== head.digest) return { damaged: 'the digest does not match' }
  return { position: positionOf(head), store }
}
