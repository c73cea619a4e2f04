import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { breakingChanges, RULE } from '../../test/support/evolution.ts'
import { messageKinds } from '../../test/support/messages.ts'
import { type AsyncApi, publishedContract } from '../../test/support/published.ts'
import { releases } from '../../test/support/released.ts'
import { decodeMessage } from './decode.ts'
import { encodeJson } from './encode.ts'

const now = publishedContract()

describe.each(releases())('whoever was built for version $version', ({ document, samples }) => {
  const old = publishedContract(document)

  it('is not broken by this one', () => {
    expect(breakingChanges(old.document, now.document), RULE).toEqual([])
  })

  it('is still understood: every message of that time is taken', () => {
    expect(new Set(samples.map(({ channel }) => channel))).toEqual(new Set(Object.keys(old.document.channels)))
    for (const { topic, retain, payload } of samples) {
      const decoded = decodeMessage(topic, encodeJson(payload), retain)
      expect(decoded.ok ? undefined : decoded.error.message, `${topic}. ${RULE}`).toBeUndefined()
      expect(now.complaint(topic, payload), RULE).toBeUndefined()
    }
  })

  it('still understands: everything that is sent now conforms to the document of that time', () => {
    const sent = messageKinds.filter(({ id }) => old.document.operations[id]?.action === 'send')
    expect(sent.length).toBeGreaterThan(0)
    for (const { samples: ofKind } of sent) {
      const conforms = fc.property(ofKind, ({ topicName, body }) => {
        expect(old.complaint(topicName, { ...body }), RULE).toBeUndefined()
      })
      fc.assert(conforms, { numRuns: 10 })
    }
  })
})

type Patch = (schemas: Record<string, Json>, document: AsyncApi) => void
type Json = { [key: string]: Json } & { push: (value: unknown) => void } & { enum: string[]; required: string[] }

/** The document with something changed, and what is wrong with that. */
function breakingAfter(patch: Patch): string[] {
  const changed = structuredClone(now.document)
  patch(changed.components.schemas as unknown as Record<string, Json>, changed)
  return breakingChanges(now.document, changed)
}
const propertiesOf = (schema: Json | undefined) => schema?.properties as Json
const field = (value: unknown) => value as Json

describe('a change within v1', () => {
  it.each<[what: string, patch: Patch]>([
    ['nothing', () => undefined],
    [
      'an optional field of an event',
      ({ envelope }) => Object.assign(propertiesOf(envelope), { more: { type: 'string' } }),
    ],
    [
      'a field of a state that is always there',
      (all) => {
        const state = all['alarm-button.state']
        Object.assign(propertiesOf(state), { battery: { type: 'number' } })
        state?.required.push('battery')
      },
    ],
    [
      'an optional argument',
      (all) => {
        Object.assign(propertiesOf(propertiesOf(all['access-gate.cmd.open']).args), { note: { type: 'string' } })
      },
    ],
    [
      'another value of an argument',
      (all) => {
        const { args } = propertiesOf(all['access-gate.cmd.set-mode'])
        propertiesOf(args).mode?.enum.push('siesta')
      },
    ],
    [
      'another event',
      (_, document) => {
        Object.assign(document.channels, { 'alarm-button.evt.new': document.channels['alarm-button.evt.pressed'] })
      },
    ],
  ])('%s is welcome', (_what, patch) => {
    expect(breakingAfter(patch)).toEqual([])
  })

  it.each<[what: string, patch: Patch, says: RegExp]>([
    ['a field that is gone', (all) => void delete propertiesOf(all['alarm-button.state']).lamp, /lamp is gone/],
    [
      'an optional field that is gone',
      (all) => void delete propertiesOf(all['alarm-button.state']).since,
      /since is gone/,
    ],
    [
      'a field that may be missing',
      (all) => {
        const state = field(all['alarm-button.state'])
        state.required = state.required.filter((name) => name !== 'lamp')
      },
      /lamp is not always there/,
    ],
    [
      'a field of another type',
      (all) => {
        propertiesOf(all['alarm-button.state']).lamp = field({ type: 'string' })
      },
      /lamp was boolean and is string/,
    ],
    [
      'a field of an event in the envelope',
      ({ envelope }) => void delete propertiesOf(envelope).replayed,
      /replayed is gone/,
    ],
    ['a new value of a list', ({ avail }) => propertiesOf(avail).status?.enum.push('dozing'), /new value "dozing"/],
    [
      'a list that opens',
      ({ avail }) => {
        propertiesOf(avail).status = field({ type: 'string' })
      },
      /list of values/,
    ],
    [
      'a wider limit of what is sent',
      (all) => {
        propertiesOf(all.res).message = field({ type: 'string', maxLength: 9000 })
      },
      /maxLength 9000, it had 400/,
    ],
    [
      'a narrower limit of what is taken',
      (all) => {
        propertiesOf(propertiesOf(all['alarm-button.cmd.siren']).args).for_ms = field({ type: 'integer', minimum: 200 })
      },
      /minimum 200, it had 100/,
    ],
    [
      'an argument that must be there',
      (all) => {
        propertiesOf(all['access-gate.cmd.open']).args = field({
          type: 'object',
          required: ['direction'],
          properties: { direction: {} },
        })
      },
      /direction must be there now/,
    ],
    [
      'a value that an argument lost',
      (all) => {
        const { mode } = propertiesOf(propertiesOf(all['access-gate.cmd.set-mode']).args)
        if (mode) mode.enum = mode.enum.filter((value) => value !== 'tidal')
      },
      /lost the value "tidal"/,
    ],
    [
      'a channel that is gone',
      (_, { channels }) => void delete channels['alarm-button.evt.pressed'],
      /pressed is gone/,
    ],
    ['a topic that moved', (_, { channels }) => Object.assign(channels['hub.state'] ?? {}, { address: 'x' }), /moved/],
    [
      'a message that is not retained any more',
      (_, { operations }) => {
        Object.assign(operations['hub.state'] ?? {}, { bindings: { mqtt: { qos: 1, retain: false } } })
      },
      /retain flag/,
    ],
  ])('%s is refused', (_what, patch, says) => {
    expect(breakingAfter(patch)).toContainEqual(expect.stringMatching(says))
  })
})
