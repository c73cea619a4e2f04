import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatEnrolment, hashOfCode, newCode, normalCode, parseEnrolment, spokenCode } from './enrolment.ts'

const FINGERPRINT = 'A'.repeat(43)

describe('an enrolment text', () => {
  it('carries everything there and back, IPv6 too', () => {
    const hosts = fc.oneof(fc.ipV4(), fc.constantFrom('::1', 'fe80::1', 'hub.local'))
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        const enrolment = { host, port, gateway: 'gw-1', code: newCode(randomBytes), fingerprint: FINGERPRINT }
        expect(parseEnrolment(` ${formatEnrolment(enrolment)}\n`)).toEqual(enrolment)
      }),
    )
  })

  it('is read as people type it', () => {
    expect(normalCode('abcd-0o1i l9xz')).toBe('ABCD00119XZ'.replace('9', '19'))
    const code = newCode(randomBytes)
    expect(hashOfCode(spokenCode(code).toLowerCase())).toBe(hashOfCode(code))
    expect(spokenCode(code)).toMatch(/^.{4}-.{4}-.{4}$/)
  })

  it.each([
    ['', 'copied whole'],
    ['https://enrol/h:1/gw?code=AAAAAAAAAAAA', 'copied whole'],
    [`linli://enrol/h:1/gw-1?ca=${FINGERPRINT}`, 'code='],
    ['linli://enrol/h:1/gw-1?code=AAAAAAAAAAAA&ca=short', 'ca='],
    [`linli://enrol/h:0/gw-1?code=AAAAAAAAAAAA&ca=${FINGERPRINT}`, 'port 0'],
    [`linli://enrol/h:1/GW_1?code=AAAAAAAAAAAA&ca=${FINGERPRINT}`, 'copied whole'],
  ])('that is none says what is missing: %s', (text, why) => {
    expect(() => parseEnrolment(text)).toThrow(why)
  })
})
