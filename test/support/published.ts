import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormatsOf from 'ajv-formats'
import { PUBLISHED } from '../../hub/contract/published.ts'

/**
 * The published AsyncAPI document as a platform would use it: a validator that is not ours, over the file that is checked
 * in, found by the address of the channel. It knows nothing of the hub's own decoder.
 */

export interface AsyncApi {
  asyncapi: string
  info: { version: string }
  channels: Record<string, { address: string; messages: Record<string, { $ref: string }> }>
  operations: Record<string, { action: 'send' | 'receive'; channel: { $ref: string }; bindings?: unknown }>
  components: {
    messages: Record<string, { payload: { $ref: string }; examples?: Array<{ payload: unknown }> }>
    schemas: Record<string, object>
  }
}

export interface Published {
  readonly document: AsyncApi
  /** The channel that carries this topic. */
  channelOf(topicName: string): string | undefined
  /** What is wrong with a message by the document; undefined when it conforms. */
  complaint(topicName: string, payload: unknown): string | undefined
}

export function publishedText(path: string): string {
  return readFileSync(new URL(path, PUBLISHED), 'utf8')
}

/** ajv-formats is CommonJS: its types and its module disagree on where the function is. */
const addFormats = addFormatsOf as unknown as (ajv: Ajv) => void

export function newAjv(options: { allowUnionTypes?: boolean } = {}): Ajv {
  const ajv = new Ajv({ strict: true, ...options })
  addFormats(ajv)
  return ajv
}

export function publishedContract(text: string = publishedText('asyncapi.json')): Published {
  const document = JSON.parse(text) as AsyncApi
  const definitions = JSON.parse(
    JSON.stringify(document.components.schemas).replaceAll('"#/components/schemas/', '"document#/definitions/'),
  ) as object
  const ajv = newAjv().addSchema({ $id: 'document', definitions })
  const addresses = Object.entries(document.channels).map(([id, { address }]) => ({ id, pattern: patternOf(address) }))
  const validators = new Map<string, ValidateFunction>()

  function validatorOf(channel: string): ValidateFunction {
    const known = validators.get(channel)
    if (known) return known
    const messages = Object.values(document.channels[channel]?.messages ?? {}).map(({ $ref }) => nameIn($ref))
    const schemas = messages.map((name) => nameIn(document.components.messages[name]?.payload.$ref ?? ''))
    const made = ajv.compile({ anyOf: schemas.map((name) => ({ $ref: `document#/definitions/${name}` })) })
    validators.set(channel, made)
    return made
  }

  const channelOf = (topicName: string) => addresses.find(({ pattern }) => pattern.test(topicName))?.id
  return {
    document,
    channelOf,
    complaint(topicName, payload) {
      const channel = channelOf(topicName)
      if (channel === undefined) return `${topicName} is on no channel of the published document`
      const validate = validatorOf(channel)
      return validate(payload) ? undefined : `${channel}: ${ajv.errorsText(validate.errors)}`
    },
  }
}

const nameIn = (reference: string) => reference.slice(reference.lastIndexOf('/') + 1)

/** `{name}` stands for one level of the topic. */
function patternOf(address: string): RegExp {
  return new RegExp(`^${address.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`)
}
