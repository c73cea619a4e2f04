import { LinliError } from '../../hub/contract/errors.ts'
import type { GpioKernel } from '../adapters/gpio/kernel.ts'
import type { FailSafe } from '../adapters/modbus-gate-io.ts'
import type { LineChip } from '../ports/line-chip.ts'
import type { PinBoard } from '../ports/pin-board.ts'
import type { RegisterBus } from '../ports/register-bus.ts'
import { type BoardsDeps, createBoards } from './boards.ts'
import { createBuses } from './buses.ts'
import { createChips } from './chips.ts'
import type { GatewayConfig } from './config.ts'

/** What the devices of a gateway can be wired to. */

export interface GatewayBus {
  bus: RegisterBus
  failSafes: readonly FailSafe[]
}

/** By the names of the configuration, which has been checked: a name that is not there is a bug. */
export interface Hardware {
  board(id: string): PinBoard
  bus(id: string): GatewayBus
  chip(id: string): LineChip
}

export interface GatewayHardware extends Hardware {
  /** The chips of the box too: they look like boards from outside. */
  readonly boards: readonly PinBoard[]
  start(): void
  closeBoards(): Promise<void>
  /** After the drivers, so that what they switch off at last goes out. */
  closeBuses(): Promise<void>
}

export interface HardwareDeps extends BoardsDeps {
  openGpio(): Promise<GpioKernel>
}

/** @throws {LinliError} BUS_CONFIG */
export function createHardware(
  deps: HardwareDeps,
  config: Pick<GatewayConfig, 'boards' | 'buses' | 'devices'>,
): GatewayHardware {
  const boards = createBoards(deps, config.boards)
  const chips = createChips({ ...deps, openKernel: deps.openGpio }, config.devices)
  const pinned = [...boards.values(), ...chips.values()]
  const buses = createBuses(deps, config.buses ?? [])
  return {
    boards: pinned,
    board: (id) => checked(boards.get(id), `board ${id}`),
    bus: (id) => checked(buses.get(id), `bus ${id}`),
    chip: (id) => checked(chips.get(id), `chip ${id}`),
    start() {
      for (const board of pinned) board.start()
      for (const { bus } of buses.values()) bus.start()
    },
    async closeBoards() {
      await Promise.all(pinned.map((board) => board.close()))
    },
    async closeBuses() {
      await Promise.all([...buses.values()].map(({ bus }) => bus.close()))
    },
  }
}

function checked<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new LinliError('CONFIG_UNCHECKED', `${what} was not checked`, { kind: 'bug' })
  return found
}
