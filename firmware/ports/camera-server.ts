import type { PlateReading } from '../../hub/contract/plate.ts'
import type { Logger } from './logger.ts'

/** Where cameras bring plates to the gateway itself, with the hub away. */

/** `stale`: of another time, so that it decides nothing. What the gate makes of a plate is told to nobody here. */
export type TakenReading = 'taken' | 'stale'

export interface CameraServerDeps {
  log: Logger
  /** Unpredictable bytes, for challenges. */
  randomBytes(count: number): Uint8Array
  onReading(camera: string, reading: PlateReading): TakenReading
  /** The camera said that it is there. */
  onAlive(camera: string): void
}

export interface CameraServerConfig {
  host: string
  port: number
  /** By id; a camera without a token is believed as it comes: on loopback only. */
  cameras: ReadonlyMap<string, { token: string | undefined; direction: 'in' | 'out' }>
}

export interface CameraServer {
  readonly port: number
  close(): Promise<void>
}

/** Rejects with CAMERA_PORT_IN_USE or CAMERA_PORT_FORBIDDEN. */
export type OpenCameraServer = (deps: CameraServerDeps, config: CameraServerConfig) => Promise<CameraServer>
