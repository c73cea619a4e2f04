import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDeviceUri, parseDeviceUri } from './device-uri.ts'
import { DEVICE_CLASSES } from './topic.ts'

const segment = fc.stringMatching(/^[a-z0-9-]{1,40}$/)
const address = fc.record({
  street: segment,
  community: segment,
  estate: segment,
  gateway: segment,
  class: fc.constantFrom(...DEVICE_CLASSES),
  device: segment,
})

describe('what the QR on a label says', () => {
  it('names every device, and is read back', () => {
    fc.assert(
      fc.property(address, (one) => {
        expect(parseDeviceUri(` ${formatDeviceUri(one)}\n`)).toEqual({ ok: true, value: one })
      }),
    )
  })

  it.each([
    '',
    'linli://device/',
    'linli://enrol/h:1/gw-1?code=1',
    'linli://device/a/b/c/gw-1/alarm-button',
    'linli://device/a/b/c/gw-1/toaster/b1',
    'linli://device/a/b/c/gw-1/alarm-button/b1/cmd/reset',
    'linli://device/a/b/c/gw-1/alarm-button/B1',
  ])('is nothing else: %j', (text) => {
    expect(parseDeviceUri(text)).toMatchObject({ ok: false, error: { code: 'DEVICE_URI_INVALID' } })
  })
})
