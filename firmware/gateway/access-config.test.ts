import { describe, expect, it } from 'vitest'
import { readCard } from '../drivers/access-gate/card-format.ts'
import { type CredentialsConfig, cardFormatsOf } from './access-config.ts'
import { decodeConfig } from './config.ts'

const OFFICE = {
  timeZone: 'Asia/Shanghai',
  holidays: ['2027-02-06'],
  rules: [{ days: ['mon', 'fri'], from: '08:00', to: '18:00', mode: 'open' }],
  otherwise: { mode: 'shut' },
}
const credentials = {
  keyFile: '/keys/site',
  previousKeyFile: '/keys/site.old',
  gates: { d1: { area: 'garage', plateConfidence_min: 0.9 } },
  schedules: { office: OFFICE },
  cardFormats: [
    { name: 'h10301' },
    { name: 'site-32', layout: `P${'C'.repeat(31)}`, parity: [{ kind: 'even', mask: 'X'.repeat(32) }] },
  ],
}
const reader = { id: 'r1', address: 1, gate: 'd1', direction: 'in' }
const door = {
  kind: 'door',
  id: 'd1',
  board: 'b1',
  place: {},
  strike: 'fail-secure',
  inputs: { contact: { pin: 2 } },
  outputs: { strike: 5 },
}

function decode(parts: { credentials?: object; reader?: object }) {
  return decodeConfig(
    JSON.stringify({
      gateway: 'g1',
      site: { street: 's', community: 'c', estate: 'e' },
      data: '/var/lib/linli',
      uplink: { url: 'mqtt://hub:1883' },
      boards: [{ id: 'b1', port: '/dev/board' }],
      devices: [door],
      readerBuses: [{ id: 'bus', port: '/dev/bus', readers: [{ ...reader, ...parts.reader }] }],
      credentials: { ...credentials, ...parts.credentials },
    }),
  )
}

describe('the configuration of access', () => {
  it('has areas, thresholds, schedules, the key before, card formats and readers with and without security', () => {
    expect(decode({})).toMatchObject({ ok: true, value: { credentials } })
    for (const more of [{ security: 'plain' }, { security: 'secure' }, { keyFile: '/keys/r1' }])
      expect(decode({ reader: more })).toMatchObject({ ok: true })
  })

  it.each([
    [{ gates: { d9: {} } }, '/credentials/gates/d9', /^\/credentials\/gates\/d9: there is no gate d9; gates: d1$/],
    [{ gates: { d1: { area: 'Garage 1' } } }, '/credentials/gates/d1/area', /Garage 1/],
    [{ gates: { d1: { plateConfidence_min: 90 } } }, '/credentials/gates/d1/plateConfidence_min', /<= 1/],
    [{ gates: { d1: { zone: 'x' } } }, '/credentials/gates/d1/zone', /unknown field/],
    [{ schedules: { 'Office hours': OFFICE } }, '/credentials/schedules/Office hours', /1–40 of a–z/],
    [
      { schedules: { office: { ...OFFICE, timeZone: 'Mars/Olympus' } } },
      '/credentials/schedules/office/timeZone',
      /time zone/,
    ],
    [
      { schedules: { office: { ...OFFICE, otherwise: { mode: 'card' } } } },
      '/credentials/schedules/office/otherwise/mode',
      /"card"; allowed: "open", "shut"/,
    ],
    [{ previousKeyFile: '' }, '/credentials/previousKeyFile', /previousKeyFile/],
    [{ cardFormats: [] }, '/credentials/cardFormats', /fewer|items/],
    [{ cardFormats: [{ name: 'h10399' }] }, '/credentials/cardFormats/0/name', /built in: h10301, h10306/],
    [{ cardFormats: [{ name: 'h10301', layout: 'CC' }] }, '/credentials/cardFormats/0/name', /another name/],
    [{ cardFormats: [{ name: 'h10301', parity: [] }] }, '/credentials/cardFormats/0/parity', /layout/],
    [{ cardFormats: [{ name: 'own', layout: 'CCX' }] }, '/credentials/cardFormats/0/layout', /F C P/],
    [
      { cardFormats: [{ name: 'own', layout: 'CCC', parity: [{ kind: 'odd', mask: 'XX' }] }] },
      '/credentials/cardFormats/0/parity/0/mask',
      /3 bits/,
    ],
  ])('is refused for %j', (more, path, message) => {
    const decoded = decode({ credentials: more })
    expect(decoded).toMatchObject({ ok: false, error: { code: 'CONFIG_INVALID', path } })
    expect(decoded.ok ? '' : decoded.error.message).toMatch(message)
  })

  it.each([
    [{ security: 'none' }, /security is "none"; allowed: "secure", "plain"/],
    [{ security: 'plain', keyFile: '/keys/r1' }, /readers\/0\/keyFile: a plain reader has no key/],
  ])('is refused for a reader with %j', (more, message) => {
    const decoded = decode({ reader: more })
    expect(decoded.ok ? '' : decoded.error.message).toMatch(message)
  })
})

describe('the card formats of a site', () => {
  const bits = (text: string) => ({
    bits: text.length,
    data: Uint8Array.from(text.match(/.{1,8}/g) ?? [], (part) => Number.parseInt(part.padEnd(8, '0'), 2)),
  })
  const read = (config: Pick<CredentialsConfig, 'cardFormats'>, text: string) => {
    const reading = readCard(cardFormatsOf(config), bits(text))
    return reading.ok ? reading.value.reference : reading.error.code
  }
  const card26 = `1${'00010001'}${'0001010000000011'}0`
  const card37 = `1${'1'.padStart(16, '0')}${'1'.padStart(19, '0')}0`

  it('are 26, 34 and 37 bits, with facility where that is possible', () => {
    expect(read({}, card26)).toBe('h10301:17:5123')
    expect(read({}, card37)).toBe('h10304:1:1')
  })

  it('are those that the site names, and its own', () => {
    const cardFormats = [{ name: 'h10302' }, { name: 'short', layout: 'FFCC' }]
    expect(read({ cardFormats }, card37)).toBe('h10302:-:524289')
    expect(read({ cardFormats }, '0110')).toBe('short:1:2')
    expect(read({ cardFormats }, card26)).toBe('CARD_LENGTH')
  })
})
