import { Availability } from './availability.ts'
import { type ClassContract, catalog } from './catalog.ts'
import { commandSchema, Result } from './command.ts'
import { eventSchema } from './event.ts'
import { Meta } from './meta.ts'
import { PlateReading } from './plate.ts'
import { SenmlPack } from './senml.ts'
import { type Channel, DEVICE_CLASSES, type DeviceClass, isRetained } from './topic.ts'
import type { TSchema } from './type.ts'

/** Every message of the contract, one by one: what the published document, its tests and its samples are made from. */
export interface MessageKind {
  /** Stable and unique, e.g. `alarm-button.evt.pressed` or `alarm-button.state`. */
  id: string
  class: DeviceClass
  channel: Channel['channel']
  /** Event type or command name, where the channel has one. */
  name?: string
  /** Of the whole payload. */
  schema: TSchema
  retained: boolean
}

/** Shared by all classes; the state is the class's own. */
const telemetry = eventSchema(SenmlPack)

export function messageKinds(): MessageKind[] {
  return DEVICE_CLASSES.flatMap((one) => messagesOf(one, catalog[one]))
}

function messagesOf(deviceClass: DeviceClass, { events, state, commands }: ClassContract): MessageKind[] {
  const kind = (channel: Channel['channel'], schema: TSchema, name?: string): MessageKind => ({
    id: [deviceClass, channel, ...(name === undefined ? [] : [name])].join('.'),
    class: deviceClass,
    channel,
    ...(name === undefined ? {} : { name }),
    schema,
    retained: isRetained(channel),
  })
  return [
    ...Object.entries(events).map(([type, data]) => kind('evt', eventSchema(data), type)),
    ...Object.entries(commands).map(([name, args]) => kind('cmd', commandSchema(args), name)),
    kind('tele', telemetry),
    kind('state', state),
    kind('avail', Availability),
    kind('meta', Meta),
    kind('res', Result),
    ...(deviceClass === 'camera' ? [kind('plate', PlateReading)] : []),
  ]
}
