import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJson } from '../../hub/contract/decode.ts'
import { LinliError } from '../../hub/contract/errors.ts'
import { checker } from '../../hub/contract/schema.ts'
import { Segment } from '../../hub/contract/topic.ts'
import { type Static, Type } from '../../hub/contract/type.ts'
import { replaceFile } from '../../hub/journal/folder.ts'

/** Who this gateway is, as its hub has certified it, and where that hub is: one file, so that it is whole or not there. */

const Pem = Type.String({ pattern: '^-----BEGIN ', maxLength: 8_000 })
const Port = Type.Integer({ minimum: 1, maximum: 65_535 })
const IdentityFile = Type.Object({
  gateway: Segment,
  hub: Type.Object({ host: Type.String({ minLength: 1, maxLength: 253 }), httpsPort: Port, mqttsPort: Port }),
  certificate: Pem,
  key: Pem,
  authority: Pem,
})
export type IdentityFile = Static<typeof IdentityFile>

const FILE = 'identity.json'
const check = checker(IdentityFile, 'IDENTITY_DAMAGED')

export function identityPath(dataDir: string): string {
  return join(dataDir, FILE)
}

/** Undefined: this gateway has not enrolled. @throws {LinliError} IDENTITY_DAMAGED */
export function readIdentity(dataDir: string): IdentityFile | undefined {
  const path = identityPath(dataDir)
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const json = decodeJson(bytes)
  const checked = json.ok ? check(json.value) : json
  if (checked.ok) return checked.value
  const message = `${path} is damaged (${checked.error.message}); enrol this gateway again: linli enrol code at the hub, linli gateway claim here`
  throw new LinliError('IDENTITY_DAMAGED', message, { kind: 'caller' })
}

/** On disk when it resolves; whenever the power goes it is the old one or the new one. */
export function writeIdentity(folder: Parameters<typeof replaceFile>[0], identity: IdentityFile): Promise<void> {
  return replaceFile(folder, FILE, `${JSON.stringify(identity, null, 2)}\n`)
}
