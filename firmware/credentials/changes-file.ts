import { hash } from 'node:crypto'
import { type CredentialsDelta, checkUpdate } from '../../hub/contract/credentials.ts'
import { decodeJson } from '../../hub/contract/decode.ts'
import type { Position } from './position.ts'

/**
 * The changes since a snapshot: one line each, its checksum before it. A line that a power cut left half is as if it
 * had never come; the hub tells it again.
 */

/** Belongs to exactly one snapshot, so that no change is ever taken for one of another. */
export function changesName({ epoch, version, digest }: Position): string {
  return `changes-${epoch}-${version}-${digest.slice(0, 16)}`
}

export function isChangesName(name: string): boolean {
  return name.startsWith('changes-')
}

export function changeLine(delta: CredentialsDelta): string {
  const json = JSON.stringify(delta)
  return `${checksum(json)} ${json}\n`
}

/** The changes up to the first line that is not whole, and whether there was such a line. */
export function readChanges(content: Buffer): { deltas: CredentialsDelta[]; isCut: boolean } {
  const deltas: CredentialsDelta[] = []
  for (let at = 0; at < content.length; ) {
    const end = content.indexOf(0x0a, at)
    const delta = end < 0 ? undefined : readLine(content.toString('utf8', at, end))
    if (!delta) return { deltas, isCut: true }
    deltas.push(delta)
    at = end + 1
  }
  return { deltas, isCut: false }
}

function readLine(line: string): CredentialsDelta | undefined {
  const json = line.slice(CHECKSUM_CHARS + 1)
  if (line.slice(0, CHECKSUM_CHARS) !== checksum(json)) return undefined
  const value = decodeJson(Buffer.from(json))
  const update = value.ok ? checkUpdate(value.value) : value
  return update.ok && update.value.type === 'delta' ? update.value : undefined
}

const CHECKSUM_CHARS = 16
function checksum(text: string): string {
  return hash('sha256', text, 'hex').slice(0, CHECKSUM_CHARS)
}
