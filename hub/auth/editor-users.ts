import { randomBytes } from 'node:crypto'
import { hash } from 'bcryptjs'

/** Accounts of the flow editor. Node-RED's adminAuth compares bcrypt hashes, so that is what is made here. */
export interface EditorUser {
  name: string
  password_hash: string
  permissions: '*' | 'read'
}

/** bcrypt cost: 2¹⁰ rounds, about 0.1 s on a small box, paid once per login. */
const ROUNDS = 10

/** A password that can be read out over the phone: 16 characters, 80 bits. */
export function newPassword(): string {
  return randomBytes(10)
    .toString('hex')
    .replace(/(.{5})(?=.)/g, '$1-')
}

export async function editorUsers(passwords: { admin: string; viewer: string }): Promise<EditorUser[]> {
  return [
    { name: 'admin', password_hash: await hash(passwords.admin, ROUNDS), permissions: '*' },
    { name: 'viewer', password_hash: await hash(passwords.viewer, ROUNDS), permissions: 'read' },
  ]
}
