import type { LinliError } from '../../hub/contract/errors.ts'
import type { TimeQuality } from '../../hub/contract/event.ts'
import { READER_CODES, type ReaderState } from '../../hub/contract/gateway.ts'
import type { CredentialDesk } from '../credentials/desk.ts'
import type { AccessGateDriver } from '../drivers/access-gate/access.ts'
import type { CardFormat } from '../drivers/access-gate/card-format.ts'
import type { Outcome } from '../drivers/driver.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import type { Logger } from '../ports/logger.ts'
import { nodeAes } from '../protocols/osdp/aes.ts'
import { createOsdpBus, type OsdpBus } from '../protocols/osdp/bus.ts'
import type { ReaderBusConfig } from './access-config.ts'
import type { Admission } from './admission.ts'
import { Reader } from './reader.ts'
import { createReaderInstall } from './reader-install.ts'
import type { ReaderRecords } from './reader-records.ts'

/** The card readers of a gateway, line by line. */

export interface ReadersDeps {
  openPort: BytePortFactory
  random: () => number
  randomBytes: (count: number) => Uint8Array
  log: Logger
  gates: ReadonlyMap<string, AccessGateDriver>
  desk: Pick<CredentialDesk, 'card' | 'pin'>
  admission: Pick<Admission, 'admit'>
  cardFormats: readonly CardFormat[]
  records: ReaderRecords
  timeQuality: () => TimeQuality
  /** How the readers are, when that has changed. */
  onState(readers: ReaderState[]): void
}

export interface Readers {
  start(): void
  /** Gives a reader a new key, or accepts the unit that is there now. Never rejects. */
  install(reader: string): Promise<Outcome>
  close(): Promise<void>
}

export type ReaderLine = ReaderBusConfig & { keys: ReadonlyMap<string, Uint8Array> }

const BAUD = 38_400
/** Feedback that comes later than this confuses more than it tells. */
const FEEDBACK_MS = 1_000

export function createReaders(deps: ReadersDeps, configs: readonly ReaderLine[]): Readers {
  const readers = new Map<string, Reader>()
  const closers: Array<() => void> = []
  const tellState = () => deps.onState([...readers.values()].map((reader) => reader.state()))
  const lines = configs.map((config) => createLine({ ...deps, onState: tellState, readers, closers }, config))
  return {
    start() {
      if (readers.size > 0) tellState()
      for (const line of lines) line.start()
    },
    install: (id) =>
      readers.get(id)?.install() ??
      Promise.resolve({ status: 'refused', code: 'READER_UNKNOWN', message: READER_CODES.READER_UNKNOWN }),
    async close() {
      for (const closer of closers) closer()
      await Promise.all(lines.map((line) => line.close()))
    },
  }
}

interface LineDeps extends Omit<ReadersDeps, 'onState'> {
  readers: Map<string, Reader>
  closers: Array<() => void>
  onState(): void
}

function createLine(deps: LineDeps, config: ReaderLine): OsdpBus {
  const { openPort, random, randomBytes, log, records } = deps
  const baud = config.baud ?? BAUD
  const byAddress = new Map<number, Reader>()
  const onFault = ({ code, message }: LinliError) => log.error({ code }, message)
  const members = config.readers.flatMap((reader) => {
    const gate = deps.gates.get(reader.gate)
    if (!gate) return []
    const { id, address } = reader
    const install = createReaderInstall({
      reader: id,
      records,
      fileKey: config.keys.get(id),
      isPlain: reader.security === 'plain',
      randomBytes,
      give: (key, for_ms) => bus.install(address, for_ms, key),
      onFault,
      onEnd: () => byAddress.get(address)?.installEnded(),
    })
    return [{ reader, gate, install }]
  })
  const bus = createOsdpBus(
    {
      port: openPort({ path: config.port, baud }),
      aes: nodeAes,
      random,
      randomBytes,
      log,
      onEvent: (address, event, at) => byAddress.get(address)?.onEvent(event, at),
    },
    {
      baud,
      readers: members.map(({ reader: { id, address, security }, install }) => {
        const { unit } = records.get(id)
        return {
          address,
          security: security === 'plain' ? { mode: 'plain' } : { mode: 'secure', keys: install.keys() },
          ...(unit ? { expected: unit } : {}),
        }
      }),
    },
  )
  for (const { reader, gate, install } of members) {
    const made = new Reader(
      { ...deps, gate, install, show: (command) => void bus.send(reader.address, command, FEEDBACK_MS) },
      reader,
    )
    byAddress.set(reader.address, made)
    deps.readers.set(reader.id, made)
    deps.closers.push(() => install.close())
  }
  return bus
}
