import { type Block, storedBlock, TABLES, writeRange } from './blocks.ts'
import type { ModbusSlaveConfig } from './config.ts'
import { ModbusSlave, type SlaveDeps } from './slave.ts'

const WRITABLE: readonly string[] = ['coil', 'holding']
const UNIT_MAX = 247
const ILLEGAL_VALUE = 3

/** A unit whose tables hold what the configuration, a step or the line has put there. */
export function createPlainSlave(deps: SlaveDeps, config: ModbusSlaveConfig): ModbusSlave {
  const stored = TABLES.flatMap((table) =>
    (config[table] ?? []).map(({ address, values }) =>
      storedBlock({ table, address, values: [...values], writable: true }),
    ),
  )
  const onLine = stored.map(({ write, ...block }): Block => {
    return write && WRITABLE.includes(block.table) ? { ...block, write } : block
  })
  const { unit_register } = config
  return new ModbusSlave(deps, config, (slave) => ({
    blocks: [...onLine, ...(unit_register === undefined ? [] : [unitRegister(deps, slave, unit_register)])],
    set: (...place) => writeRange(stored, ...place),
  }))
}

/** The register that holds the address. The reply to a write still comes from the old one. */
export function unitRegister({ timeline }: SlaveDeps, slave: ModbusSlave, address: number): Block {
  return {
    table: 'holding',
    address,
    count: 1,
    read: () => [slave.unit],
    write(_offset, [unit = 0], at_ms) {
      if (unit < 1 || unit > UNIT_MAX) return ILLEGAL_VALUE
      timeline.at(at_ms, () => {
        slave.unit = unit
      })
      return undefined
    },
  }
}
