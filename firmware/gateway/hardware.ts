import { LinliError } from '../../hub/contract/errors.ts'
import type { FailSafe } from '../adapters/modbus-gate-io.ts'
import type { PinBoard } from '../ports/pin-board.ts'
import type { RegisterBus } from '../ports/register-bus.ts'

/** What the devices of a gateway can be wired to. */

export interface GatewayBus {
  bus: RegisterBus
  failSafes: readonly FailSafe[]
}

/** By the names of the configuration, which has been checked: a name that is not there is a bug. */
export interface Hardware {
  board(id: string): PinBoard
  bus(id: string): GatewayBus
}

export function createHardware(
  boards: ReadonlyMap<string, PinBoard>,
  buses: ReadonlyMap<string, GatewayBus>,
): Hardware {
  return {
    board: (id) => checked(boards.get(id), `board ${id}`),
    bus: (id) => checked(buses.get(id), `bus ${id}`),
  }
}

function checked<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new LinliError('CONFIG_UNCHECKED', `${what} was not checked`, { kind: 'bug' })
  return found
}
