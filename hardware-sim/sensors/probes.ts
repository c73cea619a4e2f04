import { SimError } from '../error.ts'
import type { Emit } from '../events.ts'
import type { City } from '../park/city.ts'
import type { ParkQuantity } from '../park/park.ts'
import type { Cancel, Timeline } from '../time/timeline.ts'
import type { FaultKind, Probe } from './probe.ts'
import type { ProbeStep } from './steps.ts'

const SPIKE_SAMPLES = 1

export interface ProbesDeps {
  timeline: Timeline
  emit: Emit
  city: City
}

/** All that one sensor measures: breaks it, mends it, and tells truth and labels. */
export function createProbes(id: string, probes: readonly Probe[], { timeline, emit, city }: ProbesDeps) {
  const ends = new Map<Probe, Cancel>()

  function tell(probe: Probe, how: FaultKind, state: 'started' | 'ended', at_ms: number): void {
    const time_ms = city.time_ms(at_ms)
    emit({ type: 'fault', device: id, quantity: probe.quantity, how, state, time_ms, at_ms: timeline.wall_ms(at_ms) })
  }

  function mend(probe: Probe, at_ms: number): void {
    ends.get(probe)?.()
    ends.delete(probe)
    const how = probe.break(undefined)
    if (how !== undefined) tell(probe, how, 'ended', at_ms)
  }

  function spoil(probe: Probe, step: ProbeStep & { do: 'fault' }, at_ms: number): void {
    const time_ms = city.time_ms(at_ms)
    const told = probe.read(time_ms)
    mend(probe, at_ms)
    const frozen = 'value' in told ? told.value : told.raw
    probe.break({
      how: step.how,
      size: step.how === 'stuck' ? (step.size ?? frozen) : (step.size ?? 0),
      from_ms: time_ms,
      samples: step.samples ?? SPIKE_SAMPLES,
    })
    tell(probe, step.how, 'started', at_ms)
    if (step.for_ms !== undefined)
      ends.set(
        probe,
        timeline.at(at_ms + step.for_ms, (due_ms) => mend(probe, due_ms)),
      )
  }

  function measure(probe: Probe, at_ms: number): void {
    const time_ms = city.time_ms(at_ms)
    const told = probe.read(time_ms)
    emit({
      type: 'measured',
      device: id,
      quantity: probe.quantity,
      truth: probe.truth(time_ms),
      ...('value' in told ? { told: told.value } : { raw: told.raw }),
      ...(probe.fault !== undefined && { fault: probe.fault }),
      time_ms,
      at_ms: timeline.wall_ms(at_ms),
    })
  }

  function chosen(quantity: ParkQuantity | undefined): readonly Probe[] {
    const some = quantity === undefined ? probes : probes.filter((probe) => probe.quantity === quantity)
    if (some.length > 0) return some
    const known = probes.map((probe) => probe.quantity).join(', ')
    throw new SimError('SIM_STEP_INVALID', `sensor "${id}" does not measure ${quantity}, only ${known}`)
  }

  return {
    apply(step: ProbeStep, at_ms: number): void {
      if (step.do === 'measure') for (const probe of probes) measure(probe, at_ms)
      else if (step.do === 'mend') for (const probe of chosen(step.quantity)) mend(probe, at_ms)
      else for (const probe of chosen(step.quantity)) spoil(probe, step, at_ms)
    },
  }
}
