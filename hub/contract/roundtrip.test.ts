import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messageKinds } from '../../test/support/messages.ts'
import { catalog } from './catalog.ts'
import { decodeMessage } from './decode.ts'
import { encodeJson } from './encode.ts'

describe('encode → decode is the identity', () => {
  it('covers every event and command of the catalog', () => {
    const names = messageKinds.map((kind) => kind.name)
    for (const [deviceClass, contract] of Object.entries(catalog)) {
      for (const type of Object.keys(contract.events)) expect(names).toContain(`${deviceClass} evt/${type}`)
      for (const name of Object.keys(contract.commands)) expect(names).toContain(`${deviceClass} cmd/${name}`)
    }
  })

  it.each(messageKinds)('for $name', ({ samples }) => {
    fc.assert(
      fc.property(samples, ({ topic, topicName, retain, body }) => {
        const decoded = decodeMessage(topicName, encodeJson(body), retain)
        if (!decoded.ok) throw decoded.error
        expect(decoded.value.topic).toEqual(topic)
        const { kind: _kind, topic: _topic, ...carried } = decoded.value
        expect(Object.values(carried)).toEqual([body])
      }),
      { numRuns: 60 },
    )
  })

  it('keeps attributes that a later version of the contract adds to an event', () => {
    const pressed = messageKinds.find((kind) => kind.name === 'alarm-button evt/pressed')
    fc.assert(
      fc.property(pressed?.samples ?? fc.constant(undefined), fc.jsonValue(), (sample, extra) => {
        if (!sample) throw new Error('the catalog has no alarm-button evt/pressed')
        const value: unknown = JSON.parse(JSON.stringify(extra))
        const decoded = decodeMessage(sample.topicName, encodeJson({ ...sample.body, later: value }), false)
        expect(decoded.ok && decoded.value.kind === 'event' && decoded.value.event).toEqual({
          ...sample.body,
          later: value,
        })
      }),
      { numRuns: 30 },
    )
  })
})
