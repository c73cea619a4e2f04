import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { baudsAgree, resample } from './garble.ts'

describe('a UART at another speed', () => {
  it('hears the same bytes at the same speed', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect([...resample(bytes, 9600, 9600)]).toEqual([...bytes])
      }),
    )
  })

  it('hears the same bytes within two per cent', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect([...resample(bytes, 57_600, 58_824)]).toEqual([...bytes])
      }),
    )
  })

  it('hears two bits for one at double speed, so 0x55 becomes a known wrong byte', () => {
    // On the wire 0x55 is 0 1 0 1 0 1 0 1 0 1. At double speed each bit is seen twice; the second byte ends in the idle line.
    expect([...resample(Uint8Array.of(0x55), 9600, 19_200)]).toEqual([0x66, 0xe6])
  })

  it('hears garbage at half speed, the same garbage every time', () => {
    const sent = Buffer.from('StandardFirmata')
    const heard = resample(sent, 115_200, 57_600)
    expect(heard.length).toBeGreaterThan(0)
    expect(Buffer.from(heard).includes('Firmata')).toBe(false)
    expect(resample(sent, 115_200, 57_600)).toEqual(heard)
  })

  it('never fails and never grows beyond what fits on the wire', () => {
    const speed = fc.integer({ min: 300, max: 1_000_000 })
    fc.assert(
      fc.property(fc.uint8Array(), speed, speed, (bytes, sender, receiver) => {
        expect(resample(bytes, sender, receiver).length).toBeLessThanOrEqual(bytes.length * 5)
      }),
    )
  })

  it('agrees within three per cent', () => {
    expect(baudsAgree(57_600, 58_824)).toBe(true)
    expect(baudsAgree(9600, 19_200)).toBe(false)
    expect(baudsAgree(115_200, 57_600)).toBe(false)
  })
})
