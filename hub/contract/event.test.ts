import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addresses } from '../../test/support/arbitrary.ts'
import { FINAL_STATUSES, isFinal, RESULT_STATUSES } from './command.ts'
import { decodeMessage } from './decode.ts'
import { encodeJson } from './encode.ts'
import { LinliError, reasonOf } from './errors.ts'
import { eventId, formatSequence, makeEvent, SEVERITIES, TIME_QUALITIES } from './event.ts'
import { samePlace } from './meta.ts'
import { formatTopic } from './topic.ts'

describe('makeEvent', () => {
  const origins = fc.record({
    address: addresses(fc.constant('alarm-button' as const)),
    bootid: fc.stringMatching(/^[a-z0-9]{1,32}$/),
    sequence: fc.nat(),
  })
  const stamps = fc.record({
    wall_ms: fc.integer({ min: 0, max: Date.UTC(2999, 0) }),
    monotonic_ms: fc.double({ min: -1, max: 1e12, noNaN: true }),
    quality: fc.constantFrom(...TIME_QUALITIES),
  })

  it('makes what the decoder of its topic accepts, whoever and whenever', () => {
    fc.assert(
      fc.property(origins, stamps, fc.constantFrom(...SEVERITIES), (origin, stamp, severity) => {
        const event = makeEvent(origin, 'pressed', severity, stamp, { press: 1, atstart: false })
        const topic = { ...origin.address, channel: 'evt' as const, type: 'pressed' }
        expect(decodeMessage(formatTopic(topic), encodeJson(event), false)).toEqual({
          ok: true,
          value: { kind: 'event', topic, event },
        })
        expect(Date.parse(event.time)).toBe(stamp.wall_ms)
      }),
    )
  })

  it('gives sequences that order as text, and ids that differ', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => {
        expect(formatSequence(a) < formatSequence(b)).toBe(a < b)
        expect(eventId('gw', 'boot', a) === eventId('gw', 'boot', b)).toBe(a === b)
      }),
    )
  })
})

describe('small rules', () => {
  it('a result is final exactly once its command can go no further', () => {
    expect(RESULT_STATUSES.filter(isFinal)).toEqual([...FINAL_STATUSES])
    expect(['accepted', 'executing'].map((status) => isFinal(status as 'accepted'))).toEqual([false, false])
  })

  it.each([
    [{}, {}, false],
    [{ label: 'a' }, { label: 'a' }, false],
    [{ building: '3' }, { building: '3' }, true],
    [{ building: '3', label: 'lobby' }, { building: '3', label: '大堂' }, true],
    [{ building: '3', floor: '1' }, { building: '3' }, false],
    [{ spot: 'gate 2' }, { spot: 'gate 2' }, true],
    [{ building: '3' }, { building: '4' }, false],
  ])('%j and %j are the same place: %j', (a, b, same) => {
    expect([samePlace(a, b), samePlace(b, a)]).toEqual([same, same])
  })

  it('anything thrown has a reason', () => {
    const error = new LinliError('GATE_X', 'no', { kind: 'fault', cause: 1 })
    expect([reasonOf(error), reasonOf('text'), reasonOf(undefined)]).toEqual(['no', 'text', 'undefined'])
    expect([error.cause, error.path, error.name]).toEqual([1, undefined, 'LinliError'])
  })
})
