import type { Actor } from '../contract/command.ts'
import { configurationCommands } from '../contract/configuration.ts'
import { credentialCommands } from '../contract/credentials.ts'
import type { Message } from '../contract/decode.ts'

/** Commands that only the hub itself gives, and in whose name: whoever else could send them could open every gate. */

export type CommandMessage = Message & { kind: 'command' }

export const CREDENTIALS_ACTOR = { kind: 'rule', id: 'credentials' } as const satisfies Actor
/** The site's configuration (hub/site). */
export const SITE_ACTOR = { kind: 'rule', id: 'site' } as const satisfies Actor
/** An installer at the hub's own machine (`linli reader`). */
export const READER_ACTOR = { kind: 'installer', id: 'linli-reader' } as const satisfies Actor

export function isCredentialCommand({ topic, command }: CommandMessage): boolean {
  return topic.class === 'gateway' && Object.hasOwn(credentialCommands, command.name)
}

/** @returns undefined for a command that others may give too */
export function ownerOf(message: CommandMessage): Actor | undefined {
  if (isCredentialCommand(message)) return CREDENTIALS_ACTOR
  const { topic, command } = message
  if (topic.class === 'gateway' && Object.hasOwn(configurationCommands, command.name)) return SITE_ACTOR
  return topic.class === 'gateway' && command.name === 'reader-install' ? READER_ACTOR : undefined
}
