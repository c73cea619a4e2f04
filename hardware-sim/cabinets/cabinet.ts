import { InputModule } from '../buses/modbus/input-module.ts'
import { RelayModule } from '../buses/modbus/relay-module.ts'
import type { CabinetConfig } from '../config.ts'
import type { Device } from '../devices/device.ts'
import { DEVICE_KINDS } from '../devices/kinds.ts'
import type { Emit } from '../events.ts'
import type { City } from '../park/city.ts'
import { forkRandom, type Random } from '../random.ts'
import type { Timeline } from '../time/timeline.ts'
import { wireOf } from './config.ts'

/** Devices that hang on relay and input modules instead of the pins of a board. */
export function createCabinet(
  config: CabinetConfig,
  module: (id: string) => unknown,
  deps: { timeline: Timeline; random: Random; emit: Emit; city: City },
): Device[] {
  const inputs = new Map<number, { module: InputModule; channel: number }>()
  for (const [terminal, text] of Object.entries(config.wires)) {
    const { module: id, channel } = wireOf(text)
    const found = module(id)
    if (found instanceof InputModule) inputs.set(Number(terminal), { module: found, channel })
    if (found instanceof RelayModule) {
      found.onSwitch((switched, on, at_ms) => {
        if (switched !== channel) return
        for (const device of devices) device.pinChanged(Number(terminal), on ? 1 : 0, at_ms)
      })
    }
  }
  const devices = config.devices.map((device) =>
    DEVICE_KINDS[device.kind].create(
      {
        timeline: deps.timeline,
        random: forkRandom(deps.random),
        emit: deps.emit,
        city: deps.city,
        drive(terminal, volts) {
          const wired = inputs.get(terminal)
          wired?.module.drive(wired.channel, volts)
        },
      },
      device,
    ),
  )
  return devices
}
