import { AccessGateState, accessGateCommands, accessGateEvents } from './access-gate.ts'
import { AlarmButtonState, alarmButtonCommands, alarmButtonEvents } from './alarm-button.ts'
import { GatewayState, gatewayCommands, gatewayEvents } from './gateway.ts'
import { HubState, hubCommands, hubEvents } from './hub.ts'
import { IncidentState, incidentCommands, incidentEvents } from './incident.ts'
import { ParkSensorState, parkSensorCommands, parkSensorEvents } from './park-sensor.ts'
import { CameraState } from './plate.ts'
import type { DeviceClass } from './topic.ts'
import type { TSchema } from './type.ts'

/** Everything one class of device can say and be told: the single source of types, validation and documents. */
export interface ClassContract {
  /** Data schema by event type. */
  events: Readonly<Record<string, TSchema>>
  state: TSchema
  /** Argument schema by command name. */
  commands: Readonly<Record<string, TSchema>>
}

/** The classes of contract v1. */
export const catalog: Record<DeviceClass, ClassContract> = {
  'access-gate': { events: accessGateEvents, state: AccessGateState, commands: accessGateCommands },
  'alarm-button': { events: alarmButtonEvents, state: AlarmButtonState, commands: alarmButtonCommands },
  camera: { events: {}, state: CameraState, commands: {} },
  gateway: { events: gatewayEvents, state: GatewayState, commands: gatewayCommands },
  'park-sensor': { events: parkSensorEvents, state: ParkSensorState, commands: parkSensorCommands },
  incident: { events: incidentEvents, state: IncidentState, commands: incidentCommands },
  hub: { events: hubEvents, state: HubState, commands: hubCommands },
}
