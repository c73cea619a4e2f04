import { type Block, storedBlock } from '../buses/modbus/blocks.ts'
import { unitRegister } from '../buses/modbus/plain-slave.ts'
import { ModbusSlave, type SlaveDeps } from '../buses/modbus/slave.ts'
import type { ParkQuantity } from '../park/park.ts'
import type { SlaveStep } from '../scenario/steps.ts'
import type { ParkSensorConfig } from './config.ts'
import { type Register, SENSOR_MODELS, type SensorModel } from './models.ts'
import { PROBES, Probe } from './probe.ts'
import { createProbes } from './probes.ts'

const OFF_MS = 300
const GARBAGE_MS = 3000

/** One of the sensors that makers sell, on a Modbus line in a park. */
export class ParkSensor extends ModbusSlave {
  readonly #deps: SlaveDeps
  readonly #probes: ReturnType<typeof createProbes>

  constructor(deps: SlaveDeps, config: ParkSensorConfig) {
    const model: SensorModel = SENSOR_MODELS[config.model]
    const { city } = deps
    const park = city.park(config.park)
    const probes = new Map<ParkQuantity, Probe>()
    for (const { quantity } of model.registers) {
      if (probes.has(quantity)) continue
      const spec = { ...PROBES[quantity], ...model.probes?.[quantity] }
      const first_count = config.first_count ?? 0
      probes.set(quantity, new Probe({ id: config.id, quantity, spec, park, seed: city.seed, first_count }))
    }
    let lost = false
    super(deps, config, (slave) => ({
      blocks: [
        ...measured(model, probes, (at_ms) => city.time_ms(at_ms)),
        ...(model.kept ?? []).map(({ address, values, writable = false }) =>
          storedBlock({ table: 'holding', address, values: [...values], writable }),
        ),
        ...(model.unit_register === undefined ? [] : [unitRegister(deps, slave, model.unit_register)]),
      ],
      powered(on, at_ms) {
        if (on && lost && model.forgets) for (const probe of probes.values()) probe.restart(city.time_ms(at_ms))
        lost = !on
      },
    }))
    this.#deps = deps
    this.#probes = createProbes(config.id, [...probes.values()], deps)
  }

  override apply(step: SlaveStep, at_ms: number): void {
    switch (step.do) {
      case 'fault':
      case 'mend':
      case 'measure':
        this.#probes.apply(step, at_ms)
        break
      case 'brown-out': {
        const { slave, off_ms = OFF_MS, garbage_ms = GARBAGE_MS } = step
        super.apply({ do: 'power-cycle', slave, off_ms }, at_ms)
        this.#probes.apply({ do: 'fault', how: 'garbage', for_ms: off_ms + garbage_ms }, at_ms)
        break
      }
      case 'disconnect':
      case 'reconnect': {
        const { timeline, emit, city } = this.#deps
        const state = step.do === 'disconnect' ? 'started' : 'ended'
        const time_ms = city.time_ms(at_ms)
        emit({ type: 'fault', device: this.id, how: 'dead', state, time_ms, at_ms: timeline.wall_ms(at_ms) })
        super.apply(step, at_ms)
        break
      }
      default:
        super.apply(step, at_ms)
    }
  }
}

/** One block a register, so that each is read once however it is asked for. */
function measured(
  { registers, table, corrections = [] }: SensorModel,
  probes: ReadonlyMap<ParkQuantity, Probe>,
  time_ms: (at_ms: number) => number,
): Block[] {
  const added = new Map<ParkQuantity, { values: number[]; per: number }>()
  const settings = corrections.map(({ address, quantity, per }) => {
    const values = [0]
    added.set(quantity, { values, per })
    return storedBlock({ table: 'holding', address, values, writable: true })
  })
  const correction = (quantity: ParkQuantity) => {
    const { values = [0], per = 1 } = added.get(quantity) ?? {}
    const [word = 0] = values
    return (word < 0x8000 ? word : word - 0x1_0000) / per
  }
  function read({ quantity, words }: Register, at_ms: number): number[] {
    const told = probes.get(quantity)?.read(time_ms(at_ms)) ?? { value: 0 }
    if ('value' in told) return words(told.value + correction(quantity))
    return words(0).map(() => told.raw)
  }
  const tables = table === 'both' ? (['holding', 'input'] as const) : [table]
  return [
    ...settings,
    ...tables.flatMap((each) =>
      registers.map((register): Block => {
        const { address, words } = register
        return { table: each, address, count: words(0).length, read: (at_ms) => read(register, at_ms) }
      }),
    ),
  ]
}
