import { Segment } from '../../hub/contract/topic.ts'
import { type Static, Type } from '../../hub/contract/type.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import type { Logger } from '../ports/logger.ts'
import { createModbusBus } from '../protocols/modbus/bus.ts'
import type { GatewayBus } from './hardware.ts'

/** The Modbus lines of a gateway: their part of the configuration, and the lines themselves. */

/** Rates that RS-485 modules can be set to. */
const BAUDS = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200] as const

const Module = Type.Object(
  {
    unit: Type.Integer({ minimum: 1, maximum: 247 }),
    /** The holding register that makes the module let its outputs go when its master is silent, and what to write there. */
    failSafe: Type.Object(
      {
        register: Type.Integer({ minimum: 0, maximum: 0xffff }),
        value: Type.Integer({ minimum: 0, maximum: 0xffff }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
)

export const BusConfig = Type.Object(
  {
    id: Segment,
    port: Type.String({ minLength: 1, maxLength: 500, description: 'prefer /dev/serial/by-id/…' }),
    baud: Type.Optional(Type.Enum([...BAUDS])),
    parity: Type.Optional(Type.Enum(['none', 'even', 'odd'])),
    stopBits: Type.Optional(Type.Enum([1, 2])),
    timeout_ms: Type.Optional(Type.Integer({ minimum: 10, maximum: 5000 })),
    late_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    /** Whether the adapter repeats what it sends; found out if not given. */
    echo: Type.Optional(Type.Boolean()),
    modules: Type.Optional(Type.Array(Module, { maxItems: 247 })),
  },
  { additionalProperties: false },
)
export type BusConfig = Static<typeof BusConfig>

/** What nearly every relay and input module leaves the factory with. */
export const busDefaults = { baud: 9600, parity: 'none', stopBits: 1 } as const

export interface BusesDeps {
  openPort: BytePortFactory
  random: () => number
  log: Logger
}

/** @throws {LinliError} BUS_CONFIG */
export function createBuses(deps: BusesDeps, configs: readonly BusConfig[]): Map<string, GatewayBus> {
  return new Map(
    configs.map((config) => {
      const { port: path, modules = [], ...line } = { ...busDefaults, ...config }
      const { baud, parity, stopBits } = line
      const port = deps.openPort({ path, baud, parity, stopBits })
      const bus = createModbusBus({ port, random: deps.random, log: deps.log }, line)
      return [config.id, { bus, failSafes: modules.map(({ unit, failSafe }) => ({ unit, ...failSafe })) }]
    }),
  )
}
