import { decodeMessage } from '../../../hub/contract/decode.ts'
import { reasonOf } from '../../../hub/contract/errors.ts'
import type { TimeQuality } from '../../../hub/contract/event.ts'
import { mayHoldPlate } from '../../../hub/contract/plate.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import type { CredentialDesk } from '../../credentials/desk.ts'
import type { AccessGateDriver } from '../../drivers/access-gate/access.ts'
import type { DriverEvent } from '../../drivers/driver.ts'
import { momentNow } from '../../moment.ts'
import type { CameraServer, CameraServerDeps, OpenCameraServer } from '../../ports/camera-server.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Admission } from '../admission.ts'
import type { Outbox } from '../outbox.ts'
import { Camera, type Passage } from './camera.ts'
import { type CameraConfig, type CamerasConfig, LOOPBACK } from './config.ts'

/** The cameras of a gateway: they bring plates by HTTP to the gateway itself, or by MQTT over the hub. */

export interface CamerasDeps {
  log: Logger
  gates: ReadonlyMap<string, AccessGateDriver>
  desk: Pick<CredentialDesk, 'plate' | 'takeBack'>
  admission: Pick<Admission, 'admit'>
  outbox: Pick<Outbox, 'availability' | 'meta' | 'state'>
  timeQuality: () => TimeQuality
  randomBytes: (count: number) => Uint8Array
  openServer: OpenCameraServer
  /** The token of a camera; @throws KEY_UNREADABLE */
  tokenOf: (file: string) => string
  version: string
}

export interface Cameras {
  /** A port that cannot be had is asked for again: buttons and doors do not wait for cameras. */
  start(): void
  /** A message from the hub; false: it is for somebody else. */
  onMessage(topicName: string, payload: Uint8Array, retain: boolean): boolean
  /** Every event of every device of this gateway. */
  heard(device: Address, event: DriverEvent): void
  close(): Promise<void>
}

const TICK_MS = 5_000

/** @param gateway the gateway's own address */
export function cameraAddress(gateway: Address, { id }: CameraConfig): Address {
  return { ...gateway, class: 'camera', device: id }
}

/** @throws {LinliError} KEY_UNREADABLE */
export function createCameras(deps: CamerasDeps, gateway: Address, config: CamerasConfig): Cameras {
  const { log, outbox } = deps
  const tokens = new Map(
    config.list.map(({ id, tokenFile, direction }) => [
      id,
      { direction, token: tokenFile === undefined ? undefined : deps.tokenOf(tokenFile) },
    ]),
  )
  const cameras = new Map<string, Camera>()
  for (const one of config.list) {
    const gate = deps.gates.get(one.gate)
    if (gate) cameras.set(one.id, new Camera({ ...deps, gate, address: cameraAddress(gateway, one) }, one))
  }
  /** Resolves when it listens, or could not. */
  let opening: Promise<CameraServer | undefined> | undefined
  let isStrangerTold = false
  let timer: ReturnType<typeof setInterval> | undefined

  function introduce(one: CameraConfig): void {
    const address = cameraAddress(gateway, one)
    outbox.meta(address, {
      class: 'camera',
      model: 'plate camera',
      driver: { name: 'plate-camera', version: deps.version },
      place: one.place ?? {},
      capabilities: ['plate'],
    })
    outbox.state(address, { gate: one.gate, direction: one.direction })
  }

  function listen(): void {
    if (!config.listen || opening) return
    const { host = LOOPBACK, port } = config.listen
    const handlers: CameraServerDeps = {
      log,
      randomBytes: deps.randomBytes,
      onReading: (id, reading) => cameras.get(id)?.reading(reading, momentNow()) ?? 'stale',
      onAlive: (id) => cameras.get(id)?.observe({ type: 'heard' }, momentNow()),
    }
    opening = deps.openServer(handlers, { host, port, cameras: tokens }).then(
      (server) => {
        log.info({ host, port, cameras: tokens.size }, 'listening to cameras')
        return server
      },
      (error: unknown) => {
        opening = undefined
        log.error({ error: reasonOf(error) }, 'cameras cannot bring plates by HTTP')
        return undefined
      },
    )
  }

  return {
    start() {
      for (const one of config.list) introduce(one)
      for (const camera of cameras.values()) camera.start(momentNow())
      timer = setInterval(() => {
        for (const camera of cameras.values()) camera.tick(momentNow())
        listen()
      }, TICK_MS)
      listen()
    },
    onMessage(topicName, payload, retain) {
      if (!mayHoldPlate(topicName)) return false
      const decoded = decodeMessage(topicName, payload, retain)
      // An error quotes what it found: only its code may be told.
      if (!decoded.ok) log.warn({ code: decoded.error.code }, 'a plate from the hub is refused')
      else if (decoded.value.kind === 'plate') {
        const camera = cameras.get(decoded.value.topic.device)
        if (camera) camera.reading(decoded.value.reading, momentNow())
        else if (!isStrangerTold) log.warn({}, 'a camera that is not in /cameras/list sends plates: they are let go')
        isStrangerTold ||= !camera
      }
      return true
    },
    heard({ class: deviceClass, device }, { type, data, at }) {
      if (deviceClass !== 'access-gate' || type !== 'passage') return
      for (const camera of cameras.values()) camera.onPassage(device, data as Passage, at)
    },
    async close() {
      clearInterval(timer)
      await (await opening)?.close()
    },
  }
}
