import { VCC_V } from '../../boards/board.ts'
import { integerBetween } from '../../random.ts'
import type { DeviceStep } from '../../scenario/steps.ts'
import type { Cancel } from '../../time/timeline.ts'
import type { Device, DeviceDeps } from '../device.ts'
import type { AlarmButtonConfig } from './config.ts'
import { createContact } from './contact.ts'
import { type Cable, loopShare } from './loop.ts'

const BOUNCE_MS_MAX = 5
const PRESS_MS = 200
const GLITCH_MS = 5
/** Glitches keep apart: a train of pulses would be one long disturbance, not several short ones. */
const GLITCH_GAP_MS_MIN = 20
const GLITCH_GAP_MS_MAX = 50
const FIRST_ANALOG_PIN = 14

/** An alarm button on its cable: contact, supervised loop, lamp and siren. */
export function createAlarmButton(deps: DeviceDeps, config: AlarmButtonConfig): Device {
  const { timeline, random, emit } = deps
  const outputs = new Map<number, { output: 'lamp' | 'siren'; on: boolean }>([
    [config.lampPin, { output: 'lamp', on: false }],
    [config.sirenPin, { output: 'siren', on: false }],
  ])
  let cable: Cable = 'whole'
  let disturbed_volts: number | undefined
  let autoRelease: Cancel | undefined
  let glitches: Cancel[] = []

  const contact = createContact(
    { timeline, random },
    { bounce_ms_max: config.bounce_ms_max ?? BOUNCE_MS_MAX, chatter_per_s: config.chatter_per_s ?? 0 },
    {
      changed: (_closed, at_ms) => update(at_ms),
      moved: (closed, at_ms) =>
        emit({ type: 'edge', device: config.id, contact: closed ? 'closed' : 'open', at_ms: timeline.wall_ms(at_ms) }),
    },
  )

  /** Both pins sit on the same node. */
  function update(at_ms: number): void {
    const volts = disturbed_volts ?? loopShare(contact.closed, cable) * VCC_V
    deps.drive(config.contactPin, volts, at_ms)
    if (config.loopPin !== undefined) deps.drive(FIRST_ANALOG_PIN + config.loopPin, volts, at_ms)
  }

  function lay(next: Cable, at_ms: number): void {
    cable = next
    update(at_ms)
  }

  function press(for_ms: number | undefined, at_ms: number): void {
    autoRelease?.()
    autoRelease = for_ms === undefined ? undefined : timeline.at(at_ms + for_ms, contact.release)
    contact.press(at_ms)
  }

  /** Pulses that pull the node to the other side of the input's thresholds: what a motor nearby couples into a cable. */
  function glitch(width_ms: number, count: number, at_ms: number): void {
    let start_ms = at_ms
    for (let index = 0; index < count; index++) {
      glitches.push(
        timeline.at(start_ms, (due_ms) => disturb(loopShare(contact.closed, cable) > 0.5 ? 0 : VCC_V, due_ms)),
        timeline.at(start_ms + width_ms, (due_ms) => disturb(undefined, due_ms)),
      )
      start_ms += width_ms + integerBetween(random, GLITCH_GAP_MS_MIN, GLITCH_GAP_MS_MAX)
    }
  }

  function disturb(volts: number | undefined, at_ms: number): void {
    disturbed_volts = volts
    update(at_ms)
  }

  function heal(at_ms: number): void {
    for (const cancel of glitches) cancel()
    glitches = []
    disturbed_volts = undefined
    cable = 'whole'
    contact.unstick(at_ms)
    update(at_ms)
  }

  function apply(step: DeviceStep, at_ms: number): void {
    switch (step.do) {
      case 'press':
        press(step.for_ms ?? PRESS_MS, at_ms)
        break
      case 'hold':
        press(undefined, at_ms)
        break
      case 'release':
        autoRelease?.()
        contact.release(at_ms)
        break
      case 'cut':
        lay('cut', at_ms)
        break
      case 'short':
        lay('shorted', at_ms)
        break
      case 'stick':
        contact.stick(step.contact ?? 'closed', at_ms)
        break
      case 'glitch':
        glitch(step.width_ms ?? GLITCH_MS, step.count ?? 1, at_ms)
        break
      case 'heal':
        heal(at_ms)
        break
    }
  }

  return {
    id: config.id,
    start: update,
    apply,
    pinChanged(pin, level, at_ms) {
      const found = outputs.get(pin)
      const on = level > 0
      if (!found || found.on === on) return
      found.on = on
      emit({ type: 'output', device: config.id, output: found.output, on, at_ms: timeline.wall_ms(at_ms) })
    },
  }
}
