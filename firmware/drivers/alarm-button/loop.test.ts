import { describe, expect, it } from 'vitest'
import { classifyLoop, readLoop, unknownLoop } from './loop.ts'

/** Node voltage / Vcc behind a 4.7 kΩ pull-up for a resistance to ground. */
const ratio = (ohm: number) => ohm / (ohm + 4700)
const parallel = (a: number, b: number) => (a * b) / (a + b)

describe('the supervised loop', () => {
  it.each([
    ['normal', 10_000, 'normal'],
    ['pressed', parallel(10_000, 2200), 'alarm'],
    ['shorted', 0, 'short'],
    ['shorted over 500 Ω of wet terminal', 500, 'short'],
    ['cut', Number.MAX_SAFE_INTEGER, 'open'],
    ['normal with all resistors 10 % low and 20 Ω of cable', 9020, 'normal'],
    ['normal with all resistors 10 % high', 11_000, 'normal'],
    ['pressed with all resistors 10 % high', parallel(11_000, 2420), 'alarm'],
  ])('%s', (_name, ohm, expected) => {
    expect(classifyLoop(ratio(ohm))).toBe(expected)
  })

  it.each([
    [0.119, 'short'],
    [0.12, 'alarm'],
    [0.449, 'alarm'],
    [0.45, 'normal'],
    [0.849, 'normal'],
    [0.85, 'open'],
  ])('%d is %s', (at, expected) => {
    expect(classifyLoop(at)).toBe(expected)
  })

  it('keeps the start of what differs, and forgets it when it passes', () => {
    const normal = { ...unknownLoop, confirmed: 'normal' as const }
    const cut = readLoop(normal, 1, 100)
    expect(cut.candidate).toEqual({ condition: 'open', since_ms: 100 })
    expect(readLoop(cut, 0.99, 200)).toBe(cut)
    expect(readLoop(cut, 0, 250).candidate).toEqual({ condition: 'short', since_ms: 250 })
    expect(readLoop(cut, 0.68, 300).candidate).toBeUndefined()
    expect(readLoop(cut, 0.277, 300).candidate).toBeUndefined()
  })
})
