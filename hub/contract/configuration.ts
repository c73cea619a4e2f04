import { checker } from './schema.ts'
import { type Site, sitePath } from './topic.ts'
import { type Static, Type } from './type.ts'

/**
 * How a gateway gets its part of the site's configuration: the whole of it in one command, signed with the key of the
 * site's authority, whose certificate the gateway has since it enrolled. It says in its state what it runs on.
 */

/** Why a gateway does not run on what it was sent; beside the codes of the contract itself. */
export const CONFIGURATION_CODES = {
  CONFIG_UNTRUSTED: 'it is not signed by the authority at which this gateway enrolled',
  CONFIG_STALE: 'the gateway has this version or a later one',
  CONFIG_INVALID: 'a field is wrong: the message names it and says what it may be',
  CONFIG_START_FAILED: 'the gateway could not start on it, and runs on the one before',
  CONFIG_IO: 'the gateway could not write to its disk',
} as const
export type ConfigurationCode = keyof typeof CONFIGURATION_CODES

/** In base64; with the rest of the command it fits into PAYLOAD_BYTES_MAX of decode.ts. */
export const CONTENT_CHARS_MAX = 60_000
/** 200 devices with all that can be set at them have a tenth of that. */
export const UNPACKED_BYTES_MAX = 2 * 1024 * 1024

const Version = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the JSON text' })

export const Configure = Type.Object(
  {
    version: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'greater than the one before' }),
    digest: Digest,
    content: Type.String({
      maxLength: CONTENT_CHARS_MAX,
      pattern: '^[A-Za-z0-9+/]+={0,2}$',
      description: 'JSON text of the configuration, gzip (RFC 1952), base64',
    }),
    signature: Type.String({
      pattern: '^[A-Za-z0-9_-]{86}$',
      description: 'ECDSA P-256 with SHA-256 (IEEE P1363), base64url, see signedText',
    }),
  },
  { additionalProperties: false },
)
export type Configure = Static<typeof Configure>
export const checkConfigure = checker(Configure)

/** What a gateway runs on; version 0 is the file that it was started with. */
export const ConfigurationHave = Type.Object({
  version: Version,
  digest: Type.Optional(Digest),
  failed: Type.Optional(
    Type.Object({
      version: Version,
      digest: Digest,
      code: Type.String({ pattern: '^[A-Z][A-Z0-9_]{2,60}$' }),
      message: Type.String({ maxLength: 400 }),
    }),
  ),
})
export type ConfigurationHave = Static<typeof ConfigurationHave>
export const checkConfigurationHave = checker(ConfigurationHave)

/** What the signature is over: nothing of it fits another gateway, site or version. */
export function signedText(
  site: Site,
  gateway: string,
  { version, digest }: Pick<Configure, 'version' | 'digest'>,
): string {
  return `linli gateway configuration\n${sitePath(site)}/${gateway}\n${version}\n${digest}\n`
}

export const configurationCommands = { configure: Configure } as const
