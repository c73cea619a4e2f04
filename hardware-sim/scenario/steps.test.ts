import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimError } from '../error.ts'
import { decodeScenario, decodeStep } from './steps.ts'

describe('a scenario', () => {
  it('comes out in the order of time, equal times as written', () => {
    const scenario = decodeScenario({
      name: 'a walk',
      steps: [
        { at_ms: 300, do: 'release', device: 'b1' },
        { at_ms: 100, do: 'hold', device: 'b1' },
        { at_ms: 300, do: 'cut', device: 'b1' },
      ],
    })
    expect(scenario.name).toBe('a walk')
    expect(scenario.steps.map((step) => step.do)).toEqual(['hold', 'release', 'cut'])
  })

  it.each([
    [
      { steps: [{ do: 'prss', device: 'b1', at_ms: 0 }] },
      /^steps\[0\]\.do: must be one of press, hold, .* found "prss"$/,
    ],
    [
      {
        steps: [
          { do: 'cut', device: 'b1', at_ms: 0 },
          { do: 'cut', device: 'b1' },
        ],
      },
      /^steps\[1\]\.at_ms: missing$/,
    ],
    [{ steps: [{ do: 'press', at_ms: 0 }] }, /^steps\[0\]\.device: missing$/],
    [{ steps: [{ do: 'press', device: 'b1', at_ms: -1 }] }, /^steps\[0\]\.at_ms: must be >= 0, found -1$/],
    [{ steps: [{ do: 'press', device: 'b1', at_ms: 0, forms: 3 }] }, /^steps\[0\]\.forms: unknown field$/],
    [
      { steps: [{ do: 'glitch', device: 'b1', at_ms: 0, width_ms: 11 }] },
      /^steps\[0\]\.width_ms: must be <= 10, found 11$/,
    ],
    [
      { steps: [{ do: 'stick', device: 'b1', at_ms: 0, contact: 'ajar' }] },
      /^steps\[0\]\.contact: must be one of "closed", "open", found "ajar"$/,
    ],
    [{ steps: 3 }, /^steps: must be array, found 3$/],
    [{ stepz: [] }, /^stepz: unknown field$/],
    [null, /^document: must be object, found null$/],
    [{ steps: [null] }, /^steps\[0\]\.do: must be one of .* found nothing$/],
  ])('that is wrong names the step and the field: %j', (data, message) => {
    expect(() => decodeScenario(data)).toThrow(message)
  })

  it('never fails in another way, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ do: fc.constantFrom('press', 'noise'), device: fc.jsonValue() })),
        (data) => {
          try {
            expect(decodeStep(data, 'step')).toBe(data)
          } catch (cause) {
            expect(cause).toBeInstanceOf(SimError)
          }
        },
      ),
    )
  })
})
