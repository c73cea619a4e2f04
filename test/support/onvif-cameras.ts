import { type OnvifCameras, openCameras } from '../../hardware-sim/cameras/onvif/cameras.ts'
import type { OnvifConfig } from '../../hardware-sim/cameras/onvif/config.ts'

/** Simulated network cameras on real sockets, for tests of what speaks to them. */

export const CAMERA_LOGIN = { user: 'linli', password: 'snap "quoted" & <odd>' } as const

export interface TestCameras extends OnvifCameras {
  /** What each was asked for, in order: `id what`. */
  asked: string[]
  urlOf(id: string): string
}

export async function startOnvifCameras(
  all: ReadonlyArray<Partial<OnvifConfig> & { id: string }>,
): Promise<TestCameras> {
  const asked: string[] = []
  const onvif = all.map((one) => ({ port: 0, ...CAMERA_LOGIN, ...one }))
  const cameras = await openCameras(
    { onvif },
    {
      now_ms: Date.now,
      emit(event) {
        if (event.type === 'camera') asked.push(`${event.camera} ${event.what}`)
      },
    },
  )
  const urlOf = (id: string) =>
    `http://127.0.0.1:${cameras.places.find((one) => one.id === id)?.port}/onvif/device_service`
  return { ...cameras, asked, urlOf }
}
