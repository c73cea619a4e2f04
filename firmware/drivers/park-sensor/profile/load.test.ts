import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PollResult } from '../belief/machine.ts'
import { placesOf } from './field.ts'
import { readProfiles } from './folder.ts'
import { loadProfile } from './load.ts'
import { readingOf } from './reading.ts'

const shipped = readProfiles()

/** What the registers hold by their address, in the words of `profile`. */
function read(name: string, registers: Readonly<Record<number, number>>): PollResult[] {
  const profile = shipped.get(name)
  if (profile === undefined) throw new Error(`no profile ${name}`)
  return profile.quantities.flatMap((one) => {
    const { address } = one.field
    const values = Array.from({ length: placesOf(one.field) }, (_, index) => registers[address + index])
    return values.some((value) => value === undefined) ? [] : [readingOf(one, values as number[])]
  })
}

describe('what a maker shows as an example is read as the maker reads it', () => {
  // Each from the source that the profile names, unless said.
  it.each([
    ['xy-md02', { 1: 0x0131, 2: 0x0222 }, { temperature: 30.5, humidity: 54.6 }],
    ['xy-md02', { 1: 0xff33 }, { temperature: -20.5 }],
    ['nhzd210', { 0: 0x0000, 1: 0x0128 }, { illuminance: 296 }],
    ['renke-rs-fsjt', { 0: 0x0056 }, { 'wind-speed': 8.6 }],
    ['renke-rs-fx', { 0: 0x0002, 1: 0x005a }, { 'wind-direction': 90 }],
    // Of a counter the counts; 536 of them are 53.6 mm.
    ['xunchip-xm9505', { 0: 0x0218 }, { rain: 536 }],
    ['ebyte-e831-people', { 48: 0x0010, 49: 0x0003 }, { 'people-in': 16, 'people-out': 3 }],
  ])('%s: %j', (name, registers, expected) => {
    expect(read(name, registers)).toEqual(Object.entries(expected).map(([quantity, raw]) => ({ quantity, raw })))
  })

  // Makers that give scale and range and no example: the ends of the range.
  it.each([
    [
      'seeed-soil-ec',
      { 0: 0xf060, 1: 10_000, 2: 20_000 },
      { 'soil-temperature': -40, 'soil-moisture': 100, 'soil-ec': 2 },
    ],
    ['dfrobot-sen0659', { 0: 5000 }, { co2: 5000 }],
    ['dfrobot-sen0642', { 1: 11 }, { uv: 11 }],
    ['deltaohm-pmbsense', { 4: 353, 5: 1201 }, { 'pm2.5': 35.3, pm10: 120.1 }],
    ['pressure-probe-5m', { 4: 1234 }, { 'water-level': 1.234 }],
    [
      'dfrobot-sen0658',
      { 500: 31, 503: 270, 504: 653, 505: 0xffce, 506: 552, 507: 35, 508: 60, 509: 1013, 510: 1, 511: 34_464 },
      {
        'wind-speed': 3.1,
        'wind-direction': 270,
        humidity: 65.3,
        temperature: -5,
        noise: 55.2,
        'pm2.5': 35,
        pm10: 60,
        pressure: 1013,
        illuminance: 100_000,
      },
    ],
    ['waveshare-io-8', { 0: 1, 7: 0 }, { 'input-1': 1, 'input-8': 0 }],
  ])('%s: %j', (name, registers, expected) => {
    expect(read(name, registers)).toEqual(Object.entries(expected).map(([quantity, raw]) => ({ quantity, raw })))
  })

  it('the count of a gauge comes with what one of them is', () => {
    expect(shipped.get('xunchip-xm9505')?.quantities[0]?.quantity).toMatchObject({
      kind: 'counter',
      range: { min: 0, max: 65_535 },
      counter: { bits: 16, step: 0.1 },
    })
  })
})

it('there is a profile for all that a park has', () => {
  const measured = new Set(
    [...shipped.values()].flatMap(({ quantities }) => quantities.map(({ quantity }) => quantity.name)),
  )
  expect([...measured]).toEqual(
    expect.arrayContaining(
      'temperature humidity pm2.5 pm10 noise illuminance co2 soil-moisture soil-temperature soil-ec rain wind-speed wind-direction water-level uv people-in input-8'.split(
        ' ',
      ),
    ),
  )
  expect(shipped.get('waveshare-relay-8')?.coils).toEqual({ first: 0, count: 8 })
  for (const { source } of shipped.values()) expect(source.length).toBeGreaterThan(20)
})

const good = {
  name: 'probe',
  maker: 'm',
  model: 'x',
  source: 'the manual, page 3',
  serial: { unit: 1, baud: 9600, parity: 'none' },
  quantities: [{ name: 'temperature', table: 'input', address: 1, type: 's16', scale: 0.1 }],
  settings: [{ name: 'zero', table: 'holding', address: 9, type: 's16', min: -10, max: 10 }],
}
/** One field to a line, so that lines can be told from each other. */
const textOf = (profile: unknown) => JSON.stringify(profile, null, 1)
const quantity = (change: object) => textOf({ ...good, quantities: [{ ...good.quantities[0], ...change }] })

describe('a wrong profile is told with file, line and field', () => {
  it.each<[what: string, text: string, line: string, says: string]>([
    ['not JSON', '{\n "name": "x",\n "maker"\n}', '4', 'not valid JSON: colon expected'],
    ['empty', '', '1', 'not valid JSON'],
    ['a comment', '{\n // mine\n}', '2', 'invalid comment token'],
    ['a name twice', '{\n "name": "x",\n "name": "y"\n}', '3', 'name is there twice'],
    ['a wrong type', quantity({ type: 'u17' }), '16', '/quantities/0/type is "u17"; allowed: "bit", "u16"'],
    ['a misspelt field', quantity({ adress: 3 }), '18', 'unknown field /quantities/0/adress'],
    ['a missing source', textOf({ ...good, source: undefined }), '1', 'missing field /source'],
    ['a bit of a register', quantity({ type: 'bit' }), '16', 'use bits of a u16'],
    ['a word of a coil', quantity({ table: 'coil' }), '16', 'a coil is a bit'],
    ['an address that is too high', quantity({ address: 65_535, type: 'u32' }), '15', 'goes beyond address 65535'],
    ['bits beyond the type', quantity({ type: 'u16', bits: { from: 10, width: 8 } }), '18', 'go beyond the 16 bits'],
    ['bits of a signed number', quantity({ bits: { from: 0, width: 1 } }), '18', 'parts of an unsigned number'],
    ['an unknown likeness', quantity({ like: 'heat' }), '18', 'is heat; well known: temperature'],
    ['an unknown quantity', quantity({ name: 'salt' }), '12', 'missing field unit, or a like'],
    ['an empty range', quantity({ range: { min: 4, max: 4 } }), '18', 'max that is not above its min'],
    ['a float that counts', quantity({ name: 'rain', type: 'f32' }), '16', 'of a counter is u16 or u32'],
    ['a counter with an offset', quantity({ name: 'rain', type: 'u16', offset: 1 }), '18', 'a counter has no offset'],
    ['a weight that is not there', quantity({ report: { weight: 'wind-speed' } }), '19', 'quantities: temperature'],
    [
      'a quantity twice',
      textOf({ ...good, quantities: [...good.quantities, ...good.quantities] }),
      '20',
      'is temperature, which is there twice',
    ],
    [
      'a setting that cannot be written',
      textOf({ ...good, settings: [{ ...good.settings[0], table: 'input' }] }),
      '23',
      'is input, which cannot be written',
    ],
    [
      'a setting that does not fit',
      textOf({ ...good, settings: [{ ...good.settings[0], max: 40_000 }] }),
      '27',
      'does not fit a s16',
    ],
    ['a device that does nothing', textOf({ ...good, quantities: [] }), '11', 'the device would do nothing'],
    [
      'a fault of what is not measured',
      textOf({
        ...good,
        faults: [{ table: 'holding', address: 1, type: 'u16', values: { 1: 'broken' }, quantities: ['salt'] }],
      }),
      '38',
      'has salt; quantities: temperature',
    ],
  ])('%s', (_what, text, line, says) => {
    const loaded = loadProfile(text, 'my.json')
    if (loaded.ok) throw new Error('it was taken')
    expect(loaded.error.message).toContain(says)
    expect(loaded.error.message.split(' ')[0]).toBe(`my.json:${line}:`)
    expect(loaded.error.code).toBe('PROFILE_INVALID')
  })

  it('and a good one is taken, with what is well known of its quantities', () => {
    const loaded = loadProfile(quantity({ stuck: null, range: { min: -20, max: 60 } }), 'my.json')
    if (!loaded.ok) throw loaded.error
    const [one] = loaded.value.quantities
    expect(one?.quantity).toMatchObject({ unit: 'Cel', range: { min: -20, max: 60 }, drift: { limit: 2 } })
    expect(one?.quantity.stuck).toBeUndefined()
  })

  it('also the installer’s, which takes the place of a shipped one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'profiles-'))
    try {
      writeFileSync(join(folder, 'xy-md02.json'), textOf({ ...good, name: 'xy-md02' }))
      expect(readProfiles(folder).get('xy-md02')?.quantities).toHaveLength(1)
      writeFileSync(join(folder, 'other.json'), textOf(good))
      expect(() => readProfiles(folder)).toThrow('a profile is named as its file')
      expect(() => readProfiles(join(folder, 'none'))).toThrow('cannot read the profiles')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
