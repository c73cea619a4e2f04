import { describe, expect, it } from 'vitest'
import { OutputsBench } from '../../../testing/outputs-bench.ts'
import { nextDeadline, RETRY_MS } from './machine.ts'

const ready = () => new OutputsBench().contact(true)
const dry = () => ready().feed({ type: 'rain', rain: 'dry' })

describe('an output', () => {
  it('goes on for as long as asked, and tells who asked', () => {
    const bench = ready().command('lamp', true, 5000)
    expect(bench.relays.get('lamp')).toBe(true)
    expect(bench.shown[0]).toEqual({ name: 'lamp', on: true, until: '2026-11-01T00:00:05.000Z' })
    bench.wait(5000)
    expect(bench.relays.get('lamp')).toBe(false)
    expect(bench.events()).toEqual([
      { output: 'lamp', on: true, by: 'command', actor: 'person:li' },
      { output: 'lamp', on: false, by: 'limit' },
    ])
    expect(bench.outcomes()).toEqual(['succeeded'])
  })

  it('is never on longer than its longest on-time, also when asked again', () => {
    const bench = ready().command('lamp', true).wait(90_000).command('lamp', true).wait(9999)
    expect(bench.relays.get('lamp')).toBe(true)
    expect(bench.wait(1).relays.get('lamp')).toBe(false)
    expect(bench.command('lamp', true, 100_001).outcomes().at(-1)).toBe('PARK_OUTPUT_LIMIT')
  })

  it('rests between two times on', () => {
    const bench = dry().command('valve', true).command('valve', false).command('valve', true)
    expect(bench.outcomes()).toEqual(['succeeded', 'succeeded', 'PARK_OUTPUT_PAUSE'])
    expect(bench.wait(20_000).command('valve', true).outcomes().at(-1)).toBe('succeeded')
  })

  it('that does not exist is refused', () => {
    expect(ready().command('siren', true).outcomes()).toEqual(['PARK_OUTPUT_UNKNOWN'])
  })
})

describe('rain', () => {
  it.each(['raining', 'unknown'] as const)('%s keeps irrigation off, and lamps not', (rain) => {
    const bench = dry().command('valve', true).command('lamp', true).feed({ type: 'rain', rain })
    expect([bench.relays.get('valve'), bench.relays.get('lamp')]).toEqual([false, true])
    expect(bench.events().at(-1)).toEqual({ output: 'valve', on: false, by: 'rain' })
    expect(bench.wait(60_000).command('valve', true).outcomes().at(-1)).toBe('PARK_RAIN_LOCK')
    expect(bench.feed({ type: 'rain', rain: 'dry' }).relays.get('valve')).toBe(false)
  })

  it('that is not known yet keeps irrigation off at the start', () => {
    expect(ready().command('valve', true).outcomes()).toEqual(['PARK_RAIN_LOCK'])
  })

  it('that begins while a command is on its way takes it back', () => {
    const bench = dry()
    bench.hold = true
    bench.command('valve', true).feed({ type: 'rain', rain: 'raining' })
    bench.hold = false
    expect(bench.release().relays.get('valve')).toBe(false)
    expect(bench.outcomes()).toEqual(['succeeded'])
  })
})

describe('without contact', () => {
  it('what falls off by itself is off, and what does not is switched off when contact is back', () => {
    const bench = dry().command('lamp', true).command('valve', true).contact(false)
    expect(bench.shown).toEqual([
      { name: 'lamp', on: false },
      { name: 'valve', on: true },
    ])
    expect(nextDeadline(bench.state)).toBeUndefined()
    bench.wait(1_000_000).contact(true)
    expect([...bench.relays.values()]).toEqual([false, false])
    expect(bench.events().slice(-2)).toEqual([
      { output: 'lamp', on: false, by: 'contact-lost' },
      { output: 'valve', on: false, by: 'contact-lost' },
    ])
  })

  it('commands fail, and nothing is done later', () => {
    const bench = new OutputsBench().command('lamp', true).command('lamp', false)
    expect(bench.outcomes()).toEqual(['PARK_OFFLINE', 'PARK_OFFLINE'])
    expect(bench.contact(true).wait(1000).relays.get('lamp')).toBe(false)
  })

  it('that breaks under a write the command fails once', () => {
    const bench = ready()
    bench.hold = true
    bench.command('lamp', true).contact(false).contact(true)
    bench.hold = false
    expect(bench.release().outcomes()).toEqual(['PARK_OFFLINE'])
    expect(bench.relays.get('lamp')).toBe(false)
  })
})

describe('a restart', () => {
  it('switches everything off and nothing on', () => {
    const before = dry().command('lamp', true).command('valve', true)
    const after = new OutputsBench(before.shown)
    expect(after.shown.map(({ on }) => on)).toEqual([true, true])
    after.contact(true).wait(1_000_000)
    expect(after.effects.filter((effect) => effect.type === 'write' && effect.on)).toEqual([])
    expect(after.shown.map(({ on }) => on)).toEqual([false, false])
    expect(after.events()).toHaveLength(2)
  })
})

describe('a device that does not do what it is told', () => {
  it('refuses to switch on: the command fails, and that is all', () => {
    const bench = ready()
    bench.answer = 'refused'
    expect(bench.command('lamp', true).outcomes()).toEqual(['PARK_DEVICE_REFUSED'])
    expect(nextDeadline(bench.state)).toBeUndefined()
  })

  it('loses the answer to switching on: it is switched off', () => {
    const bench = ready()
    bench.answer = 'deaf'
    bench.hold = true
    bench.command('lamp', true)
    const [write] = bench.pending.splice(0)
    bench.relays.set('lamp', true)
    bench.answer = 'ok'
    bench.hold = false
    bench.feed({ type: 'written', token: write?.token ?? 0, result: 'lost' })
    expect(bench.outcomes()).toEqual(['PARK_OFFLINE'])
    expect(bench.relays.get('lamp')).toBe(false)
  })

  it('refuses to switch off: it is asked again until it does, and meanwhile not switched on', () => {
    const bench = ready().command('lamp', true, 5000)
    bench.answer = 'refused'
    bench.wait(5000 + 10 * RETRY_MS)
    expect(bench.relays.get('lamp')).toBe(true)
    expect(bench.shown[0]).toMatchObject({ on: true })
    bench.command('lamp', true).wait(RETRY_MS)
    expect(bench.outcomes().at(-1)).toBe('PARK_OFFLINE')
    bench.answer = 'ok'
    expect(bench.wait(RETRY_MS).relays.get('lamp')).toBe(false)
    expect(bench.events().at(-1)).toEqual({ output: 'lamp', on: false, by: 'limit' })
  })
})

it('a later command takes the place of one that waits', () => {
  const bench = ready()
  bench.hold = true
  bench.command('lamp', true).command('lamp', true).command('lamp', false)
  bench.hold = false
  expect(bench.release().outcomes()).toEqual(['PARK_SUPERSEDED', 'succeeded', 'succeeded'])
  expect(bench.relays.get('lamp')).toBe(false)
})
