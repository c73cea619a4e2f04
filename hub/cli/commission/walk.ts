import type { Check, DeviceOutcome } from '../../commissioning/record.ts'
import type { Place } from '../../contract/meta.ts'
import type { Found } from '../../site/changes.ts'
import type { Dialogue } from './dialogue.ts'
import { tryDevice } from './procedures.ts'
import { type Kept, nameOf, outcomeOf, type Session } from './session.ts'
import type { Stand } from './stand.ts'
import { openTrial } from './trial.ts'
import { word } from './words.ts'

/** From device to device, in the order in which an installer walks. */

export interface WalkDeps {
  standAt: (found: Found) => Stand
  dialogue: Dialogue
  session: Session
  now_ms: () => number
  monotonic_ms: () => number
}

/** By gateway, then by place, so that nobody climbs the same stairs twice. */
export function inOrder(devices: readonly Found[]): Found[] {
  const collator = new Intl.Collator('zh', { numeric: true })
  const text = ({ building = '', floor = '', spot = '' }: Place) => `${building}\u0000${floor}\u0000${spot}`
  return [...devices].sort(
    (a, b) =>
      collator.compare(a.gateway, b.gateway) ||
      collator.compare(text(a.device.place), text(b.device.place)) ||
      collator.compare(a.device.id, b.device.id),
  )
}

/** @throws {LinliError} COMMISSION_STOPPED, COUNTER_CLOSED: what was done is kept */
export async function walk(deps: WalkDeps, devices: readonly Found[], again: boolean): Promise<void> {
  const { session, dialogue } = deps
  const isDone = (found: Found) => outcomeOf(session.kept, found)?.outcome === 'pass'
  const left = devices.filter((found) => again || !isDone(found))
  const done = devices.length - left.length
  for (const [index, found] of left.entries()) {
    const { label, building, floor, spot } = found.device.place
    const title = [label, building, floor, spot].filter((part) => part !== undefined).join(' · ')
    dialogue.device(nameOf(found), title, { number: done + index + 1, of: devices.length })
    if (session.isChanged(found)) dialogue.say(`  ${word('changedSince')}`)
    await session.conclude(found, await untilConcluded(deps, found))
  }
}

/** One device, as often as the person wants. */
async function untilConcluded(deps: WalkDeps, found: Found): Promise<DeviceOutcome> {
  const { session, dialogue } = deps
  const name = nameOf(found)
  const before = session.kept.current?.name === name ? session.kept.current : undefined
  if (before) dialogue.say(`  ${word('broken')}`)
  let isOurAlarm = before?.checks.includes('press') === true
  for (let tries = (outcomeOf(session.kept, found)?.tries ?? 0) + 1; ; tries++) {
    await session.begin(name)
    const { checks, meta } = await tryOnce(deps, found, isOurAlarm)
    isOurAlarm = checks.some(({ check }) => check === 'press')
    const hasFailed = checks.some(({ outcome }) => outcome === 'fail')
    const isTried = checks.some(({ check, outcome }) => outcome === 'pass' && check !== 'online')
    const what = hasFailed ? await dialogue.ask('failed', ['retry', 'failed', 'skip'], 'failed') : 'accepted'
    if (what === 'retry') continue
    const outcome = what === 'failed' ? 'fail' : what === 'skip' || !isTried ? 'skip' : 'pass'
    const note = outcome === 'pass' ? '' : await dialogue.text('note')
    const { gateway, device } = found
    const made: DeviceOutcome = {
      gateway,
      device: device.id,
      kind: device.kind,
      place: device.place,
      outcome,
      at: new Date(deps.now_ms()).toISOString(),
      tries,
      ...(note === '' ? {} : { note }),
      ...(meta ? { model: meta.model, driver: `${meta.driver.name} ${meta.driver.version}` } : {}),
      checks: [...checks],
    }
    dialogue.done(made)
    return made
  }
}

async function tryOnce(
  { standAt, dialogue, session, now_ms, monotonic_ms }: WalkDeps,
  found: Found,
  isOurAlarm: boolean,
) {
  const name = nameOf(found)
  let saved = Promise.resolve()
  const onCheck = (checks: readonly Check[]) => {
    saved = session.checked(name, checks)
  }
  const trial = await openTrial({ stand: standAt(found), dialogue, now_ms, monotonic_ms, onCheck })
  try {
    await tryDevice(trial, found.device.kind, isOurAlarm)
  } finally {
    await saved
  }
  trial.finish()
  return { checks: trial.checks, meta: trial.look.meta }
}

/** Every device of the site, also those that were never tried. */
export function outcomesOf(kept: Kept, devices: readonly Found[]): DeviceOutcome[] {
  return devices.map((found) => {
    const { gateway, device } = found
    const { id, kind, place } = device
    return outcomeOf(kept, found) ?? { gateway, device: id, kind, place, outcome: 'open', tries: 0, checks: [] }
  })
}
