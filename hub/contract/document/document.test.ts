import { readdirSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messageKinds as samplers } from '../../../test/support/messages.ts'
import { mutationsOf } from '../../../test/support/mutations.ts'
import { newAjv, publishedContract, publishedText } from '../../../test/support/published.ts'
import { catalog } from '../catalog.ts'
import { decodeMessage } from '../decode.ts'
import { encodeJson } from '../encode.ts'
import { messageKinds } from '../messages.ts'
import { PUBLISHED } from '../published.ts'
import { COMMAND_WORDS, EVENT_WORDS } from '../words.ts'
import { publishedFiles } from './files.ts'

const published = publishedContract()

describe('what is published', () => {
  it('is what the schemas and the page say now', () => {
    const generated = publishedFiles()
    const there = readdirSync(PUBLISHED, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => (entry.parentPath.endsWith('schemas') ? `schemas/${entry.name}` : entry.name))
    const changed = [...generated].filter(([path, text]) => !there.includes(path) || publishedText(path) !== text)
    const stale = there.filter((path) => !generated.has(path))
    expect([...changed.map(([path]) => path), ...stale], 'write it anew: npm run contract').toEqual([])
  })

  it('is a valid AsyncAPI document to the official parser', async () => {
    const { document, diagnostics } = await new Parser().parse(publishedText('asyncapi.json'))
    // 0 is an error, 1 a warning; that there is an AsyncAPI newer than 3.0 is information.
    expect(diagnostics.filter(({ severity }) => severity <= 1)).toEqual([])
    expect(document?.version()).toBe('3.0.0')
    expect(document?.allChannels().all()).toHaveLength(messageKinds().length)
    expect(document?.operations().filterByReceive().length).toBe(
      messageKinds().filter(({ channel }) => channel === 'cmd' || channel === 'plate').length,
    )
  })

  it('has a channel for every message of the catalog, and no other', () => {
    expect(Object.keys(published.document.channels)).toEqual(messageKinds().map(({ id }) => id))
  })

  it('explains every event, command and field of a state, pack or envelope in words', () => {
    const silent = Object.entries(published.document.components.schemas).flatMap(([name, schema]) => {
      const { description, properties = {} } = schema as { description?: string; properties?: Record<string, object> }
      const fields = Object.entries(properties).filter(([, field]) => !('description' in field))
      const isNamed = name.includes('.evt.') || name.includes('.cmd.')
      return [...(isNamed && !description ? [name] : []), ...fields.map(([field]) => `${name} ${field}`)]
    })
    // What a command's arguments mean is what the command does.
    expect(silent.filter((one) => !one.endsWith(' args'))).toEqual([])
  })

  it('shows an example of every channel that the page has one for, each of which conforms', () => {
    const shown = Object.entries(published.document.components.messages).filter(([, { examples }]) => examples)
    expect(shown.length).toBeGreaterThan(10)
    const ajv = newAjv()
    for (const [name, { examples = [] }] of shown) {
      const validate = ajv.compile(JSON.parse(publishedText(`schemas/${name}.json`)) as object)
      for (const { payload } of examples)
        expect(validate(payload), `${name}: ${ajv.errorsText(validate.errors)}`).toBe(true)
    }
  })

  it.each(Object.entries(catalog))('calls the events and commands of %s by a name in both languages', (_, contract) => {
    const missing = [
      ...Object.keys(contract.events).filter((name) => !Object.hasOwn(EVENT_WORDS, name)),
      ...Object.keys(contract.commands).filter((name) => !Object.hasOwn(COMMAND_WORDS, name)),
    ]
    expect(missing, 'add them to hub/contract/words.ts').toEqual([])
  })
})

/** Faults that the schema of a payload cannot express: it contradicts the topic that it came on. */
const BEYOND_SCHEMAS = ['ENVELOPE_MISMATCH']

describe('the published schemas and the hub judge alike', () => {
  const ajv = newAjv()

  it.each(samplers)('$name', ({ id, schema, samples }) => {
    const name = schemaNameOf(id)
    const alone =
      ajv.getSchema(`urn:linli:v1:${name}`) ?? ajv.compile(JSON.parse(publishedText(`schemas/${name}.json`)) as object)
    /** By the hub, by the document through the topic, and by the schema's own file. */
    const judge = (topicName: string, retain: boolean, body: unknown) => {
      const decoded = decodeMessage(topicName, encodeJson(body), retain)
      const byDocument = published.complaint(topicName, body)
      expect(alone(body), `${name}.json and the document differ`).toBe(byDocument === undefined)
      return { decoded, byDocument }
    }
    fc.assert(
      fc.property(samples, fc.jsonValue(), ({ topicName, retain, body }, junk) => {
        expect(published.channelOf(topicName)).toBe(id)
        const { decoded, byDocument } = judge(topicName, retain, body)
        expect(byDocument).toBeUndefined()
        expect(decoded.ok).toBe(true)
        const key = Object.keys(body)[0] ?? ''
        const others = [{ ...body, later: junk }, { ...body, [key]: junk }, junk]
        const mistakes = mutationsOf(schema, body).map(({ body: mutated }) => mutated)
        for (const other of [...mistakes, ...others]) {
          const { decoded: again, byDocument: complaint } = judge(topicName, retain, JSON.parse(JSON.stringify(other)))
          const byHub = again.ok || BEYOND_SCHEMAS.includes(again.error.code) ? undefined : again.error.message
          expect(complaint === undefined, `hub: ${byHub}; document: ${complaint}; ${JSON.stringify(other)}`).toBe(
            byHub === undefined,
          )
        }
      }),
      { numRuns: 6 },
    )
  })
})

function schemaNameOf(channel: string): string {
  const [reference] = Object.values(published.document.channels[channel]?.messages ?? {})
  return reference?.$ref.split('/').at(-1) ?? ''
}
