import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allDevices, changed, difference, findDevice, type SiteChange } from './changes.ts'
import { exampleButton, exampleSite } from './examples.ts'
import { checkSite, DEVICES_PER_GATEWAY_MAX, type SiteConfig } from './schema.ts'

const two = () => exampleSite([exampleButton('b1', 2), exampleButton('b2', 3)])
const made = (change: SiteChange, before: SiteConfig = two()) => {
  const done = changed(structuredClone(before), change)
  if (!done.ok) throw done.error
  return done.value
}
const said = (change: SiteChange) => {
  const done = changed(two(), change)
  return done.ok ? 'done' : `${done.error.code} ${done.error.message}`
}
const names = (config: SiteConfig) => allDevices(config).map(({ gateway, device }) => `${gateway}/${device.id}`)

describe('a change of the devices of a site', () => {
  it('adds a device with the board that it is the first on', () => {
    const fields = { ...exampleButton('b3', 4), board: 'board-b' }
    const site = made({ do: 'add', gateway: 'gw-2', fields, port: '/dev/ttyACM1' })
    expect(site.gateways['gw-2']).toEqual({ boards: [{ id: 'board-b', port: '/dev/ttyACM1' }], devices: [fields] })
  })

  it('renames, moves and removes', () => {
    expect(names(made({ do: 'rename', device: 'b1', to: 'front' }))).toEqual(['gw-1/front', 'gw-1/b2'])
    const moved = made({ do: 'move', device: 'gw-1/b1', place: { floor: '2' } })
    expect(allDevices(moved)[0]?.device.place).toEqual({ building: '1', floor: '2', spot: 'lobby' })
    expect(names(made({ do: 'remove', device: 'b1' }))).toEqual(['gw-1/b2'])
  })

  it('replaces the hardware in its place: pins of a board mean nothing on a chip', () => {
    const [repinned] = allDevices(made({ do: 'replace', device: 'b1', fields: { contactPin: 9 } }))
    expect(repinned?.device).toEqual({ ...exampleButton('b1', 9) })
    const [onChip] = allDevices(made({ do: 'replace', device: 'b1', fields: { chip: 'header', contactLine: 4 } }))
    const { kind, id, place } = exampleButton('b1', 2)
    expect(onChip?.device).toEqual({ kind, id, place, chip: 'header', contactLine: 4 })
  })

  it.each<[string, SiteChange, string]>([
    ['an unknown device', { do: 'remove', device: 'b9' }, 'DEVICE_UNKNOWN there is no device b9'],
    [
      'an id that is taken',
      { do: 'rename', device: 'b1', to: 'b2' },
      'SITE_INVALID /gateways/gw-1/devices/1/id is "b2", which is there twice',
    ],
    [
      'an id that is none',
      { do: 'rename', device: 'b1', to: '../etc' },
      'SITE_INVALID /gateways/gw-1/devices/0/id must match',
    ],
    [
      'a gateway without the board',
      { do: 'move', device: 'b1', gateway: 'gw-2' },
      'SITE_INVALID /gateways/gw-2/devices/0/board is "board-a"; allowed (boards): none',
    ],
    [
      'a gateway of an illegal name',
      { do: 'add', gateway: '__proto__', fields: exampleButton('b3', 4) },
      'SITE_INVALID',
    ],
    [
      'a gateway named as what objects have',
      { do: 'add', gateway: 'constructor', fields: exampleButton('b3', 4) },
      'SITE_INVALID /gateways/constructor/devices/0/board',
    ],
    [
      'another port of a known board',
      { do: 'add', gateway: 'gw-1', fields: exampleButton('b3', 4), port: '/dev/x' },
      'DEVICE_INVALID board board-a of gw-1 is at /dev/ttyACM0 already',
    ],
    [
      'a place with a field too many',
      { do: 'add', gateway: 'gw-1', fields: { ...exampleButton('b3', 4), place: { room: '1' } } },
      'SITE_INVALID unknown field /gateways/gw-1/devices/2/place/room',
    ],
    [
      'no carrier',
      { do: 'add', gateway: 'gw-1', fields: { kind: 'door', id: 'd', place: {} } },
      'names none of board, bus, chip',
    ],
  ])('is refused for %s', (_what, change, says) => {
    expect(said(change)).toContain(says)
  })

  it('asks which one, where two gateways have a device of the same id', () => {
    const site = two()
    site.gateways['gw-2'] = structuredClone(site.gateways['gw-1']) as (typeof site.gateways)[string]
    expect(findDevice(site, 'b1')).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('gw-1/b1 or gw-2/b1') },
    })
    expect(findDevice(site, 'gw-2/b1')).toMatchObject({ ok: true, value: { gateway: 'gw-2', index: 0 } })
  })

  it('imports all or nothing, says what differs, and the second time nothing does', () => {
    const devices = [
      { gateway: 'gw-1', fields: exampleButton('b2', 7) },
      { gateway: 'gw-9', fields: { ...exampleButton('n1', 2), board: 'x' }, port: '/dev/ttyUSB0' },
    ]
    const site = made({ do: 'import', devices })
    expect(difference(two(), site)).toEqual({ added: ['gw-9/n1'], changed: ['gw-1/b2'], removed: [], unchanged: 1 })
    expect(made({ do: 'import', devices }, site)).toEqual(site)
    expect(said({ do: 'import', devices: [...devices, { gateway: 'gw-9', fields: { id: 'n2' } }] })).toContain(
      'missing field',
    )
  })

  it('never makes a site that its own check refuses, nor throws, whatever it is given', () => {
    const word = fc.oneof(
      fc.constantFrom('b1', 'b2', 'gw-1', 'gw-2', 'board-a', '__proto__', 'constructor', ''),
      fc.string(),
    )
    const fields = fc.dictionary(
      fc.constantFrom('id', 'kind', 'board', 'bus', 'chip', 'place'),
      fc.oneof(word, fc.anything()),
    )
    const change: fc.Arbitrary<SiteChange> = fc.oneof(
      fc.record({ do: fc.constant('add' as const), gateway: word, fields }),
      fc.record({ do: fc.constant('rename' as const), device: word, to: word }),
      fc.record({ do: fc.constant('move' as const), device: word, gateway: word }),
      fc.record({ do: fc.constant('replace' as const), device: word, fields }),
      fc.record({ do: fc.constant('remove' as const), device: word }),
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), (changes) => {
        let site = two()
        for (const one of changes) {
          const done = changed(structuredClone(site), one)
          if (done.ok) site = done.value
          expect(checkSite(site).ok).toBe(true)
        }
      }),
    )
  })

  it('keeps to the bounds of a gateway', () => {
    const many = Array.from({ length: DEVICES_PER_GATEWAY_MAX + 1 }, (_, index) => ({
      gateway: 'gw-1',
      fields: exampleButton(`n${index}`, 2),
    }))
    expect(said({ do: 'import', devices: many })).toContain('/gateways/gw-1/devices')
  })
})
