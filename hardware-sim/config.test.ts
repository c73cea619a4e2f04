import { describe, expect, it } from 'vitest'
import { decodeConfig } from './config.ts'
import { barrier, board, button, door } from './testing/virtual-world.ts'

function onModules(wires: object): object {
  const devices = [
    { kind: 'relay-module', id: 'out', unit: 1 },
    { kind: 'input-module', id: 'in', unit: 2 },
  ]
  return {
    boards: [],
    buses: [{ id: 'b', baud: 9600, port: '/b', devices }],
    cabinets: [{ devices: [door('d')], wires }],
  }
}

describe('a configuration', () => {
  it('is taken as it is, with seed 1 if none is given', () => {
    expect(decodeConfig({ boards: [board('a')] })).toEqual({ boards: [board('a')], seed: 1 })
    expect(decodeConfig({ boards: [board('a')], exact_timing: true })).toMatchObject({ exact_timing: true })
  })

  it.each([
    [{}, 'boards: missing'],
    [{ boards: [] }, /^boards: must not have fewer than 1 items/],
    [
      { boards: [board('a', { kind: 'arduino' })] },
      'boards[0].kind: must be one of "protocol", "firmware", found "arduino"',
    ],
    [{ boards: [board('a', { baud: 1 })] }, 'boards[0].baud: must be >= 300, found 1'],
    [{ boards: [board('a', { color: 1 })] }, 'boards[0].color: unknown field'],
    [{ boards: [board('Board A')] }, /^boards\[0\]\.id: must match pattern .*, found "Board A"$/],
    [
      { boards: [board('a', { kind: 'firmware', baud: 9600 })] },
      'boards[0].baud: must be 57600 on a firmware board, found 9600',
    ],
    [
      { boards: [board('a', { kind: 'firmware', boot_ms: 9 })] },
      'boards[0].boot_ms: a firmware board takes the time its firmware takes',
    ],
    [
      { boards: [board('a', { devices: [{ kind: 'toaster' }] })] },
      /^boards\[0\]\.devices\[0\]\.kind: must be one of "alarm-button", .*found "toaster"$/,
    ],
    [
      { boards: [board('a', { devices: [button('b', { contactPin: 1 })] })] },
      'boards[0].devices[0].contactPin: must be >= 2, found 1',
    ],
    [
      { boards: [board('a', { devices: [button('b', { sirenPin: 5 })] })] },
      'boards[0].devices[0].sirenPin: 5 is taken by boards[0].devices[0].lampPin',
    ],
    [
      { boards: [board('a'), board('b', { devices: [button('a-button')] })] },
      'boards[1].devices[0].id: a-button is taken by boards[0].devices[0].id',
    ],
    [{ boards: [board('a'), board('b', { port: '/sim/a' })] }, 'boards[1].port: /sim/a is taken by boards[0].port'],
    [{ boards: [board('a'), board('a', { port: '/x', devices: [] })] }, 'boards[1].id: a is taken by boards[0].id'],
    [
      {
        boards: [],
        buses: [{ id: 'b', baud: 9600, port: '/b', devices: [{ kind: 'osdp-reader', id: 'r', address: 127 }] }],
      },
      'buses[0].devices[0].address: must be <= 126, found 127',
    ],
    [
      { boards: [board('a')], buses: [{ id: 'a', baud: 9600, port: '/b', devices: [] }] },
      'buses[0].id: a is taken by boards[0].id',
    ],
    [
      {
        boards: [],
        buses: [
          {
            id: 'b',
            baud: 9600,
            port: '/b',
            devices: ['r', 's'].map((id) => ({ kind: 'osdp-reader', id, address: 1 })),
          },
        ],
      },
      'buses[0].devices[1].address: 1 is taken by buses[0].devices[0].address',
    ],
    [
      { boards: [board('a', { devices: [{ kind: 'park-pins', id: 'p', park: 'p1' }] })], parks: [{ id: 'p2' }] },
      'boards[0].devices[0].park: must be one of parks, found "p1"',
    ],
    [
      { boards: [board('a')], parks: [{ id: 'p1', outputs: { valve: 'a-button/0' } }] },
      'parks[0].outputs.valve: must lead to a relay module, found "a-button/0"',
    ],
    [{ boards: [board('a')], parks: [{ id: 'p1' }, { id: 'p1' }] }, 'parks[1].id: p1 is taken by parks[0].id'],
    [{ boards: [board('a')], city: { start: 'noon' } }, /^city\.start: must match pattern .* found "noon"$/],
    [
      { boards: [board('a', { devices: [barrier('g', { beamPin: 2 })] })] },
      'boards[0].devices[0].beamPin: 2 is taken by boards[0].devices[0].raisePin',
    ],
    [
      { boards: [board('a')], cameras: [{ id: 'c', device: 'a-button' }] },
      'cameras[0].device: must be a barrier, found "a-button"',
    ],
    [
      {
        boards: [board('a', { devices: [barrier('g')] })],
        cameras: [{ id: 'c', device: 'g', post: 'http://example.org/' }],
      },
      /^cameras\[0\]\.post: must match pattern/,
    ],
    [{ boards: [board('a')], traffic: [{ id: 't', device: 'x' }] }, 'traffic[0].device: must be a door or a barrier'],
    [
      { boards: [board('a', { devices: [door('d')] })], traffic: [{ id: 't', device: 'd' }] },
      'traffic[0]: must have either per_hour or counts',
    ],
    [
      onModules({ 2: 'in/0', 8: 'relay/0' }),
      'cabinets[0].wires.8: must lead to a relay or input module, found "relay/0"',
    ],
    [onModules({ 2: 'in/0', 4: 'in/1' }), 'cabinets[0].wires: nothing leads to terminal 8, the strikePin of "d"'],
    [onModules({ 2: 'in/0', 4: 'in/0', 8: 'out/0' }), 'cabinets[0].wires.4: in/0 is taken by cabinets[0].wires.2'],
    [
      onModules({ 2: 'in/0', 4: 'in/8', 8: 'out/0' }),
      'cabinets[0].wires.4: module "in" has channels 0 to 7, found "in/8"',
    ],
    [{ boards: [board('a')], seed: 1.5 }, 'seed: must be integer, found 1.5'],
  ])('that is wrong names the field and what is allowed: %#', (data, message) => {
    expect(() => decodeConfig(data)).toThrow(message)
  })
})
