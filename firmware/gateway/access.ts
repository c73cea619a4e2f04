import type { CredentialsHave } from '../../hub/contract/credentials.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import type { TimeQuality } from '../../hub/contract/event.ts'
import type { ReaderState } from '../../hub/contract/gateway.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Folder } from '../../hub/journal/folder.ts'
import type { Log } from '../../hub/journal/types.ts'
import { createCredentialDesk } from '../credentials/desk.ts'
import type { AccessGateDriver } from '../drivers/access-gate/access.ts'
import type { Driver, DriverEvent } from '../drivers/driver.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import type { OpenCameraServer } from '../ports/camera-server.ts'
import type { Logger } from '../ports/logger.ts'
import { cardFormatsOf } from './access-config.ts'
import { createAdmission } from './admission.ts'
import { createCameras } from './cameras/cameras.ts'
import type { GatewayConfig } from './config.ts'
import { createIntake } from './intake.ts'
import type { Outbox } from './outbox.ts'
import { openReaderRecords } from './reader-records.ts'
import { createReaders } from './readers.ts'

/** Access at this gateway: its credentials, and the readers that ask them. */

export interface AccessDeps {
  openPort: BytePortFactory
  openFolder: (name: string) => Promise<Folder>
  readKey: (file: string) => Uint8Array
  openCameraServer: OpenCameraServer
  version: string
  random: () => number
  randomBytes: (count: number) => Uint8Array
  log: Logger
  spool: Log
  outbox: Pick<Outbox, 'event' | 'availability' | 'meta' | 'state'>
  drivers: readonly Driver[]
  timeQuality: () => TimeQuality
  onCredentials: (have: CredentialsHave | undefined) => void
  onReaders: (readers: ReaderState[] | undefined) => void
}

export interface Access {
  /** The gateway's own command target: credentials arrive there, and what installers ask of readers. */
  intake: Driver
  /** Every event of every device of this gateway, as its driver says it. */
  heard(device: Address, event: DriverEvent): void
  wentOffline(device: Address): void
  /** A message from the hub; false: it is for somebody else. */
  onMessage(topic: string, payload: Uint8Array, retain: boolean): boolean
  start(): void
  close(): Promise<void>
}

/** Rejects with KEY_UNREADABLE or CREDENTIALS_*, or as the spool does. */
export async function openAccess(
  deps: AccessDeps,
  address: Address,
  config: GatewayConfig,
): Promise<Access | undefined> {
  const { credentials, readerBuses = [] } = config
  if (!credentials) return undefined
  const onFault = (fault: LinliError) => deps.log.error({ code: fault.code }, `access: ${fault.message}`)
  const keyFiles = [credentials.keyFile, credentials.previousKeyFile].filter((file) => file !== undefined)
  const desk = await createCredentialDesk(
    { folder: await deps.openFolder('credentials'), log: deps.spool, onFault },
    {
      siteKeys: keyFiles.map((file) => keyOf(deps, file, SITE_KEY_BYTES)),
      gates: credentials.gates ?? {},
      schedules: credentials.schedules ?? {},
    },
  )
  deps.onCredentials(desk.have())
  const ids = readerBuses.flatMap(({ readers }) => readers.map(({ id }) => id))
  const records = await openReaderRecords(await deps.openFolder('readers'), ids, onFault)
  const admission = createAdmission({ desk, say: (gate, event) => deps.outbox.event(gate, event), log: deps.log })
  const gates = new Map(deps.drivers.filter(isGate).map((gate) => [gate.address.device, gate]))
  const buses = readerBuses.map((bus) => ({
    ...bus,
    keys: new Map(
      bus.readers.flatMap(({ id, keyFile }) =>
        keyFile === undefined ? [] : [[id, keyOf(deps, keyFile, READER_KEY_BYTES)] as const],
      ),
    ),
  }))
  const { openPort, random, randomBytes, log, timeQuality, outbox, version, onReaders } = deps
  const cardFormats = cardFormatsOf(credentials)
  const shared = { randomBytes, log, timeQuality, gates, desk, admission }
  const readers = createReaders({ ...shared, openPort, random, cardFormats, records, onState: onReaders }, buses)
  const tokenOf = (file: string) => Buffer.from(keyOf(deps, file, CAMERA_TOKEN_BYTES)).toString('hex')
  const cameraDeps = { ...shared, outbox, openServer: deps.openCameraServer, tokenOf, version }
  const cameras = config.cameras && createCameras(cameraDeps, address, config.cameras)
  return {
    intake: createIntake({ address, desk, readers, onCredentials: () => deps.onCredentials(desk.have()) }),
    heard(device, event) {
      admission.heard(device, event)
      cameras?.heard(device, event)
    },
    wentOffline: (device) => admission.wentOffline(device),
    onMessage: (topic, payload, retain) => cameras?.onMessage(topic, payload, retain) ?? false,
    start() {
      readers.start()
      cameras?.start()
    },
    async close() {
      await cameras?.close()
      await readers.close()
      admission.close()
    },
  }
}

/** HMAC-SHA-256 wants a key as long as its output (RFC 2104 §3). */
const SITE_KEY_BYTES = 32
/** AES-128 (SIA OSDP v2, Annex D). */
const READER_KEY_BYTES = 16
/** 64 bits that cannot be guessed; in hex they still fit into the 16 characters that some cameras have for a password. */
const CAMERA_TOKEN_BYTES = { min: 8, max: 64 }

function keyOf(deps: AccessDeps, file: string, bytes: number | { min: number; max: number }): Uint8Array {
  const { min, max } = typeof bytes === 'number' ? { min: bytes, max: bytes } : bytes
  let key: Uint8Array
  try {
    key = deps.readKey(file)
  } catch (error) {
    throw new LinliError('KEY_UNREADABLE', `cannot read the key file ${file}: ${reasonOf(error)}`, { kind: 'caller' })
  }
  if (key.length < min || key.length > max)
    throw new LinliError(
      'KEY_UNREADABLE',
      `the key file ${file} holds ${key.length} bytes in hex; ${min === max ? min : `${min} to ${max}`} are needed`,
      { kind: 'caller' },
    )
  return key
}

function isGate(driver: Driver): driver is AccessGateDriver {
  return 'access' in driver
}
