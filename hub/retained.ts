import type { Broker } from './broker/broker.ts'
import { decodeMessage } from './contract/decode.ts'
import type { Devices } from './devices/devices.ts'
import type { HubDeps } from './hub.ts'
import type { IncidentPlaces } from './incidents/places.ts'

/** Retained messages live in the journal's compacted lane; the broker and the device view are filled from it. */
export async function restoreRetained(
  deps: HubDeps,
  devices: Devices,
  places: Pick<IncidentPlaces, 'heard'>,
  broker: Broker,
): Promise<void> {
  for (const entry of await deps.log.list('state')) {
    const decoded = decodeMessage(entry.topic, entry.payload, true)
    if (!decoded.ok) {
      deps.logger.warn(
        { topic: entry.topic, code: decoded.error.code },
        `a retained message of an older contract is left out: ${decoded.error.message}`,
      )
      continue
    }
    devices.apply(decoded.value)
    places.heard(decoded.value)
    broker.restoreRetained({ topic: entry.topic, payload: entry.payload })
  }
}
