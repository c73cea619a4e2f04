/** The tables of a slave, as blocks of neighbouring places. */

export const TABLES = ['coil', 'discrete', 'holding', 'input'] as const
export type Table = (typeof TABLES)[number]

/** Exception codes (Modbus application protocol v1.1b3, §7). */
export const EXCEPTION = { function: 1, address: 2, value: 3, failure: 4, busy: 6 } as const

export interface Block {
  table: Table
  /** As on the wire, from 0. */
  address: number
  count: number
  /**
   * All places of the block at the moment of the request: what fills two registers is read once. Bits are 0 and 1,
   * registers 0…65535.
   */
  read(at_ms: number): readonly number[]
  /** Without it the block is read-only. @returns an exception code if the block does not take that */
  write?(offset: number, values: readonly number[], at_ms: number): number | undefined
}

export type Values = { values: number[] } | { exception: number }

interface Part {
  block: Block
  offset: number
  count: number
}

/** The blocks that a range goes through; undefined if a place in it does not exist. */
function partsOf(blocks: readonly Block[], table: Table, address: number, count: number): Part[] | undefined {
  const parts: Part[] = []
  for (let place = address; place < address + count; ) {
    const block = blocks.find((one) => one.table === table && one.address <= place && place < one.address + one.count)
    if (!block) return undefined
    const end = Math.min(address + count, block.address + block.count)
    parts.push({ block, offset: place - block.address, count: end - place })
    place = end
  }
  return parts
}

export function readRange(
  blocks: readonly Block[],
  table: Table,
  address: number,
  count: number,
  at_ms: number,
): Values {
  const parts = partsOf(blocks, table, address, count)
  if (!parts) return { exception: EXCEPTION.address }
  return { values: parts.flatMap(({ block, offset, count }) => block.read(at_ms).slice(offset, offset + count)) }
}

/** Nothing is written if a place does not exist or is read-only. @returns an exception code if it was refused */
export function writeRange(
  blocks: readonly Block[],
  table: Table,
  address: number,
  values: readonly number[],
  at_ms: number,
): number | undefined {
  const parts = partsOf(blocks, table, address, values.length)
  if (!parts || parts.some(({ block }) => !block.write)) return EXCEPTION.address
  let written = 0
  for (const { block, offset, count } of parts) {
    const exception = block.write?.(offset, values.slice(written, written + count), at_ms)
    if (exception !== undefined) return exception
    written += count
  }
  return undefined
}

/** Places that keep what is written to them, or what they were made with. */
export function storedBlock(options: {
  table: Table
  address: number
  values: number[]
  writable: boolean
  /** Told after a write. */
  written?: (at_ms: number) => void
}): Block {
  const { table, address, values, written } = options
  const block: Block = { table, address, count: values.length, read: () => values }
  if (!options.writable) return block
  return {
    ...block,
    write(offset, next, at_ms) {
      values.splice(offset, next.length, ...next)
      written?.(at_ms)
      return undefined
    },
  }
}
