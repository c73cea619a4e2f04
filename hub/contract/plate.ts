import { Instant } from './event.ts'
import { checker } from './schema.ts'
import { formatTopic, gatewayPath, type Site, type Topic } from './topic.ts'
import { type Static, Type } from './type.ts'

/**
 * What a camera says that it has read. A plate in the clear goes from the camera to the gateway that decides, and
 * nowhere else: the hub hands it on without writing it down, and shows it to no other subscriber.
 */

/** Longer than any plate; what is read of it is put into normal form by normalPlate of credentials.ts. */
export const PLATE_CHARS_MAX = 40

export const PlateReading = Type.Object({
  plate: Type.String({ minLength: 1, maxLength: PLATE_CHARS_MAX, description: 'as the camera read it' }),
  confidence: Type.Number({
    minimum: 0,
    maximum: 1,
    description: '0 to 1; a camera that says per cent divides by 100',
  }),
  at: Type.Optional(Instant),
  direction: Type.Optional(Type.Enum(['in', 'out'], { description: 'which way the vehicle goes' })),
})
export type PlateReading = Static<typeof PlateReading>

export const checkPlateReading = checker(PlateReading)

/** What a gateway says of a camera: which gate it serves. Never what it read. */
export const CameraState = Type.Object({
  gate: Type.String({ pattern: '^[a-z0-9-]{1,40}$', description: 'the access gate that it serves' }),
  direction: Type.Enum(['in', 'out']),
})
export type CameraState = Static<typeof CameraState>

/** Where a camera publishes its readings. */
export function plateTopic(site: Site, gateway: string, camera: string): string {
  const topic: Topic = { ...site, gateway, class: 'camera', device: camera, channel: 'plate' }
  return formatTopic(topic)
}

/** What the gateway subscribes to; only this very filter gets plates. */
export function plateFilter(site: Site, gateway: string): string {
  return `${gatewayPath(site, gateway)}/camera/+/plate`
}

const PLATE_FILTER = /^(linli\/v1(?:\/[a-z0-9-]{1,40}){4})\/camera\/\+\/plate$/

/** The gateway (its path) whose plates a filter asks for; undefined when it asks for none. */
export function plateFilterOwner(filter: string): string | undefined {
  return PLATE_FILTER.exec(filter)?.[1]
}

/** Whether a message on this topic, however wrong, may hold a plate: then nothing of it is kept or logged. */
export function mayHoldPlate(topicName: string): boolean {
  return /(^|\/)(camera|plate)(\/|$)/i.test(topicName)
}
