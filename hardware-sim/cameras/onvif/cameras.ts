import { SimError } from '../../error.ts'
import type { Emit } from '../../events.ts'
import { OnvifCamera } from './camera.ts'
import type { CameraStep, DiscoveryConfig, OnvifConfig } from './config.ts'
import { type Discovery, openDiscovery } from './discovery.ts'

/** The network cameras of a world. */
export interface OnvifCameras {
  /** Where each of them is. */
  readonly places: ReadonlyArray<{ id: string; port: number }>
  readonly discoveryPort: number | undefined
  /** @throws SimError SIM_TARGET_UNKNOWN */
  check(step: CameraStep): void
  apply(step: CameraStep): void
  close(): Promise<void>
}

/** @throws SimError SIM_PORT_UNAVAILABLE */
export async function openCameras(
  { onvif = [], discovery }: { onvif?: readonly OnvifConfig[]; discovery?: DiscoveryConfig },
  deps: { emit: Emit; now_ms: () => number },
): Promise<OnvifCameras> {
  const cameras = onvif.map((config) => new OnvifCamera(config, deps))
  await Promise.all(cameras.map((one) => one.listen()))
  const places = cameras.map(({ id, port }) => ({ id, port }))
  const answering: Discovery | undefined = discovery && (await openDiscovery(discovery, () => places))
  function find({ camera }: CameraStep) {
    const one = cameras.find(({ id }) => id === camera)
    if (one) return one
    const known = places.map(({ id }) => id).join(', ') || 'none'
    throw new SimError('SIM_TARGET_UNKNOWN', `camera "${camera}" is not configured; there are ${known}`)
  }
  return {
    places,
    discoveryPort: answering?.port,
    check: (step) => void find(step),
    apply: (step) => find(step).apply(step),
    async close() {
      await Promise.all([...cameras.map((one) => one.close()), answering?.close()])
    },
  }
}
