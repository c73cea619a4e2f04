import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'

/** A barrier that hangs on a relay and an input module of one RS-485 line, which is cut while the boom comes down. */

const RELAYS = 11
const INPUTS = 12
const FAIL_SAFE = { register: 5, value: 10 }
const LINE = { baud: 19_200, parity: 'even' }
const TERMINALS = { raisePin: 2, lowerPin: 3, upPin: 4, downPin: 5, safetyPin: 6, approachPin: 7, beamPin: 8 }
const WIRES = {
  2: 'relays/0',
  3: 'relays/1',
  4: 'inputs/0',
  5: 'inputs/1',
  6: 'inputs/2',
  7: 'inputs/3',
  8: 'inputs/4',
}

function onModules(port: (name: string) => string) {
  const input = (channel: number) => ({ unit: INPUTS, input: channel })
  return {
    sim: {
      boards: [],
      buses: [
        {
          id: 'bus-1',
          ...LINE,
          port: port('bus'),
          devices: [
            { kind: 'relay-module', id: 'relays', unit: RELAYS, fail_safe: { register: FAIL_SAFE.register } },
            { kind: 'input-module', id: 'inputs', unit: INPUTS },
          ],
        },
      ],
      cabinets: [
        { devices: [{ kind: 'barrier', id: 'v1', ...TERMINALS, raise_ms: 2000, lower_ms: 3000 }], wires: WIRES },
      ],
    },
    gateway: {
      boards: [],
      readerBuses: undefined,
      credentials: undefined,
      buses: [{ id: 'bus-1', ...LINE, port: port('bus'), modules: [{ unit: RELAYS, failSafe: FAIL_SAFE }] }],
      devices: [
        {
          kind: 'barrier',
          id: 'v1',
          bus: 'bus-1',
          place: { spot: 'entrance' },
          direction: 'in',
          inputs: { up: input(0), down: input(1), safety: input(2), approach: input(3), beam: input(4) },
          outputs: { raise: { unit: RELAYS, coil: 0 }, lower: { unit: RELAYS, coil: 1 } },
        },
      ],
    },
  }
}

describe('a barrier on Modbus modules', () => {
  const estate = new GateEstate(onModules)
  beforeAll(async () => {
    await estate.start()
    await online()
  })
  afterAll(() => estate.end())

  const online = () => vi.waitFor(() => expect(estate.availability('v1')?.status).toBe('online'), WAIT)
  const boom = (state: string) =>
    vi.waitFor(() => expect(estate.physical('boom').at(-1)).toMatchObject({ device: 'v1', state }), WAIT)
  const relays = () => estate.physical('relay').map(({ channel, on }) => `${channel} ${on ? 'on' : 'off'}`)

  async function succeeds(name: string, args: object = {}) {
    const id = await estate.command('v1', name, args)
    await vi.waitFor(() => expect(estate.results(id).at(-1)).toMatchObject({ status: 'succeeded' }), WAIT)
  }

  it('rises and comes down by command', async () => {
    await succeeds('hold-open', { for_ms: 60_000 })
    await boom('up')
    await succeeds('close')
    await boom('down')
    expect(estate.physical('violation')).toEqual([])
  })

  it('lets its relays go when the gateway ends in the middle of a movement', async () => {
    await estate.command('v1', 'hold-open', { for_ms: 60_000 })
    await boom('rising')
    await estate.gateway.stop()
    await boom('stopped')
    expect(relays().at(-1)).toBe('0 off')
    await estate.startGateway()
    await online()
    expect(relays().at(-1)).toBe('0 off')
  })

  it('stops when the line is cut while the boom comes down, and moves only when told so after its return', async () => {
    await succeeds('hold-open', { for_ms: 60_000 })
    await boom('up')
    await estate.command('v1', 'close')
    await boom('falling')
    estate.sim.send({ do: 'unplug', bus: 'bus-1' })
    await vi.waitFor(
      () => expect(estate.availability('v1')).toMatchObject({ status: 'offline', reason: 'bus-absent' }),
      WAIT,
    )
    // The module itself lets go: nobody can tell it to.
    await boom('stopped')
    expect(relays().at(-1)).toBe('1 off')
    const before = relays().length
    estate.sim.send({ do: 'replug', bus: 'bus-1' })
    await online()
    await vi.waitFor(() => expect(estate.state('v1')?.position).not.toBe('closed'), WAIT)
    expect(relays()).toHaveLength(before)
    await succeeds('open')
    await boom('up')
  })
})
