import { RelayModule } from '../buses/modbus/relay-module.ts'
import { wireOf } from '../cabinets/config.ts'
import type { Emit } from '../events.ts'
import type { Timeline } from '../time/timeline.ts'
import type { City } from './city.ts'
import type { ParkConfig } from './config.ts'
import type { ParkOutput } from './park.ts'

/** Lamps, valves and fountains that hang on relay modules. */
export function connectOutputs(
  parks: readonly ParkConfig[],
  module: (id: string) => unknown,
  { timeline, emit, city }: { timeline: Timeline; emit: Emit; city: City },
): void {
  for (const { id, outputs = {} } of parks) {
    for (const [name, text] of Object.entries(outputs)) {
      const output = name as ParkOutput
      const { module: home, channel } = wireOf(text)
      const found = module(home)
      if (!(found instanceof RelayModule)) continue
      found.onSwitch((switched, on, at_ms) => {
        if (switched !== channel) return
        city.park(id).switch(output, on, city.time_ms(at_ms))
        emit({ type: 'park-output', park: id, output, on, at_ms: timeline.wall_ms(at_ms) })
      })
    }
  }
}
