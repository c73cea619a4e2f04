import type { AccessGateState } from '../../contract/access-gate.ts'
import type { AlarmButtonState } from '../../contract/alarm-button.ts'
import type { ReaderState } from '../../contract/gateway.ts'
import type { ParkSensorState } from '../../contract/park-sensor.ts'
import type { SiteDevice } from '../../site/schema.ts'
import type { Data, Trial } from './trial.ts'

/** What is tried at each kind of device, in order. */

const LAMP_MS = 3_000
const SIREN_MS = 1_000
const OUTPUT_MS = 2_000
/** A boom takes seconds; its own timeout is shorter. */
const MOTION_MS = 30_000
/** The boom stays up while the test takes; after that only its own safety decides. */
const HELD_MS = 600_000
/** A reading every so often while somebody breathes on a sensor. */
const READ_EVERY_MS = 3_000
const READ_MS = 90_000
/** Readings that were taken are told at once or with the next pack. */
const TELEMETRY_MS = 60_000
/** Between two reads of a sensor at rest, and two tries to close. */
const REST_MS = 1_000
const CLOSE_TRIES = 10
/** A change is at least this share, and more than twice what the sensor wavers at rest. */
const CHANGE_SHARE = 0.02
const CHANGE_MIN = 0.05

/** @param isOurAlarm an alarm that stands is from a try that was broken off */
export async function tryDevice(trial: Trial, kind: SiteDevice['kind'], isOurAlarm: boolean): Promise<void> {
  const { availability, gatewayOnline } = trial.look
  if (!gatewayOnline) return trial.fail('online', 'GATEWAY_OFFLINE')
  // Such a gate counts as tampered with: first why.
  for (const { id, status } of trial.look.readers)
    if (!isReady(status)) trial.fail(readerCheck(id), `READER_${status.toUpperCase().replaceAll('-', '_')}`)
  if (availability?.status !== 'online') return trial.fail('online', availability?.reason ?? 'NEVER_HEARD')
  trial.pass('online')
  switch (kind) {
    case 'alarm-button':
      return tryButton(trial, isOurAlarm)
    case 'door':
      return tryDoor(trial)
    case 'barrier':
      return tryBarrier(trial)
    case 'park-sensor':
      return trySensor(trial)
  }
}

async function tryButton(trial: Trial, isOurAlarm: boolean): Promise<void> {
  const state = trial.look.state as AlarmButtonState | undefined
  if (state?.alarm && !isOurAlarm) {
    const answer = await trial.dialogue.ask('alarmStands', ['no', 'yes'], 'no', state.since ?? '')
    if (answer === 'no') return trial.fail('press', 'ALARM_STANDS')
  }
  if (trial.has('lamp') && (await trial.commands('lamp', 'lamp', { on: true, for_ms: LAMP_MS })))
    await trial.confirm('lamp-seen', 'lampLit')
  try {
    const pressed = await trial.event('press', 'press', 'pressed')
    if (pressed) await trial.event('release', 'release', 'released', ({ press }) => press === pressed.press)
    if (trial.has('loop')) await tryLoop(trial)
    if (trial.has('siren') && (await trial.dialogue.ask('siren', ['no', 'yes'], 'no')) === 'yes') {
      if (await trial.commands('siren', 'siren', { on: true, for_ms: SIREN_MS }))
        await trial.confirm('siren-heard', 'sirenHeard')
    }
  } finally {
    // Whatever happened: no alarm of a test is left standing.
    const after = trial.mark()
    if (await trial.commands('reset', 'reset', {})) {
      const rests = await trial.becomes<AlarmButtonState>(({ alarm }) => !alarm, MOTION_MS, after)
      if (!rests) trial.fail('rest', 'ALARM_STANDS')
    }
  }
}

async function tryLoop(trial: Trial): Promise<void> {
  if ((await trial.dialogue.ask('loop', ['no', 'yes'], 'no')) === 'no') return trial.skip('loop', 'NOT_TRIED')
  if (await trial.event('loop-open', 'openLoop', 'tamper', ({ loop }) => loop === 'open'))
    await trial.event('loop-closed', 'closeLoop', 'tamper-cleared')
}

async function tryDoor(trial: Trial): Promise<void> {
  const closed = await trial.state<AccessGateState>('closed', 'closeFirst', ({ position }) => position === 'closed')
  if (!closed) return
  if (!(await opened(trial, ({ lock, position }) => lock === 'unlocked' || position === 'open'))) return
  // The position comes from the contact: a person opens the leaf, and the closer or they shut it.
  if (!(await trial.state<AccessGateState>('leaf-open', 'openLeaf', ({ position }) => position === 'open'))) return
  trial.pass('leaf-open')
  const isShut = ({ position, lock }: AccessGateState) => position === 'closed' && lock !== 'unlocked'
  if (await trial.state<AccessGateState>('leaf-closed', 'closeLeaf', isShut)) trial.pass('leaf-closed')
  await tryReaders(trial)
}

const isReady = (status: ReaderState['status']) => status === 'secure' || status === 'plain'
const readerCheck = (id: string) => `reader-${id}`.slice(0, 40)

async function tryReaders(trial: Trial): Promise<void> {
  const directions: unknown[] = []
  for (const { id, status } of trial.look.readers) {
    // Has failed already.
    if (!isReady(status)) continue
    if ((await trial.dialogue.ask('reader', ['yes', 'no'], 'no', id)) === 'no') {
      trial.skip(readerCheck(id), 'NOT_TRIED')
      continue
    }
    // A card that is not known proves the reader as well as one that opens; the one of the other side is no proof.
    const isOther = ({ direction }: Data) => !directions.includes(direction)
    const denied = await trial.event(readerCheck(id), 'strangeCard', 'denied', isOther, id)
    if (denied) directions.push(denied.direction)
  }
}

async function tryBarrier(trial: Trial): Promise<void> {
  const isDown = ({ position, safety }: AccessGateState) => position === 'closed' && safety === 'clear'
  const { position } = (trial.look.state ?? {}) as Partial<AccessGateState>
  // As a try that was broken off leaves it.
  if (position === 'open' && (await trial.dialogue.ask('closeNow', ['yes', 'no'], 'no')) === 'yes')
    await trial.command('close', {})
  if (!(await trial.state<AccessGateState>('closed', 'closeFirst', isDown))) return
  if (!(await opened(trial, ({ position }) => position === 'open'))) return
  try {
    await tryInterlock(trial)
  } finally {
    const isClear = await trial.state<AccessGateState>('clear', 'clearZone', ({ safety }) => safety === 'clear')
    if (isClear) await close(trial)
  }
  await tryReaders(trial)
}

/** A zone counts as clear only when it has been so for a moment: the boom refuses until then. */
async function close(trial: Trial): Promise<void> {
  const after = trial.mark()
  for (let tries = 1; ; tries++) {
    const { result, sent_ms, ended_ms } = await trial.command('close', {})
    const measured = { command_ms: ended_ms - sent_ms }
    if (result.code === 'GATE_SAFETY_OCCUPIED' && tries < CLOSE_TRIES) {
      await pause(REST_MS)
      continue
    }
    if (result.status !== 'succeeded') return trial.fail('close', result.code ?? result.status.toUpperCase(), measured)
    const down = await trial.becomes<AccessGateState>(({ position }) => position === 'closed', MOTION_MS, after)
    if (down) trial.pass('close', measured)
    else trial.fail('close', 'GATE_POSITION_UNKNOWN', measured)
    return
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** By command, with what the limits or the contact say. */
async function opened(trial: Trial, isOpen: (state: AccessGateState) => boolean): Promise<boolean> {
  const after = trial.mark()
  const { result, sent_ms, ended_ms } = await trial.command('open', {})
  const measured = { command_ms: ended_ms - sent_ms }
  if (result.status !== 'succeeded') {
    trial.fail('open', result.code ?? result.status.toUpperCase(), measured)
    return false
  }
  const there = await trial.becomes(isOpen, MOTION_MS, after)
  if (there) trial.pass('open', measured)
  else trial.fail('open', 'GATE_POSITION_UNKNOWN', measured)
  return there !== undefined
}

/** Something in the way, and the boom told to close: it must refuse. */
async function tryInterlock(trial: Trial): Promise<void> {
  const held = await trial.command('hold-open', { for_ms: HELD_MS })
  if (held.result.status !== 'succeeded') return trial.fail('interlock', held.result.code ?? 'REFUSED')
  if ((await trial.dialogue.ask('interlock', ['yes', 'no'], 'no')) === 'no') return trial.skip('interlock', 'NOT_TRIED')
  if (!(await trial.state<AccessGateState>('interlock', 'occupyZone', ({ safety }) => safety === 'occupied'))) return
  const { result, sent_ms, ended_ms } = await trial.command('close', {})
  const measured = { command_ms: ended_ms - sent_ms }
  if (result.code === 'GATE_SAFETY_OCCUPIED') trial.pass('interlock', measured)
  else trial.fail('interlock', result.code ?? `CLOSE_${result.status.toUpperCase()}`, measured)
}

interface Reading {
  quantity: string
  unit?: string
  value?: number
  raw?: number
  quality: string
}

async function trySensor(trial: Trial): Promise<void> {
  const { quantities = [], outputs = [] } = (trial.look.state ?? {}) as Partial<ParkSensorState>
  if (quantities.length > 0) await tryReadings(trial)
  for (const { name } of outputs) await tryOutput(trial, name)
}

async function tryReadings(trial: Trial): Promise<void> {
  const first = await readOnce(trial)
  if (!first) return
  await pause(REST_MS)
  const { result } = await trial.command('read', {})
  const rest = [first, ...(result.status === 'succeeded' ? [readingsOf(result.data)] : [])]
  const after = trial.mark()
  const moved = await trial.dialogue.until('disturb', (stop) => changed(trial, rest, stop))
  if (moved === 'skip') return trial.skip('change', 'NOT_TRIED')
  if (!moved) trial.fail('change', 'NOTHING_CAME')
  else trial.pass('change', moved)
  await trial.arrival('telemetry', ({ type }) => type === 'readings', TELEMETRY_MS, after)
}

async function readOnce(trial: Trial): Promise<Reading[] | undefined> {
  const { result, sent_ms, ended_ms } = await trial.command('read', {})
  const measured = { command_ms: ended_ms - sent_ms }
  const readings = result.status === 'succeeded' ? readingsOf(result.data) : []
  const good = readings.filter(({ quality }) => quality === 'good')
  if (result.status !== 'succeeded') trial.fail('read', result.code ?? result.status.toUpperCase(), measured)
  else if (good.length < readings.length || good.length === 0) trial.fail('read', 'QUALITY_NOT_GOOD', measured)
  else {
    trial.pass('read', measured)
    return good
  }
  return undefined
}

/** The first quantity of good quality that moved away from where it was at rest. */
async function changed(trial: Trial, rest: ReadonlyArray<readonly Reading[]>, stop: AbortSignal) {
  for (let waited_ms = 0; waited_ms < READ_MS && !stop.aborted; waited_ms += READ_EVERY_MS) {
    const { result } = await trial.command('read', {})
    for (const now of result.status === 'succeeded' ? readingsOf(result.data) : []) {
      const before = rest
        .flat()
        .filter(({ quantity }) => quantity === now.quantity)
        .map(worthOf)
      const [base, after] = [before[0], worthOf(now)]
      if (base === undefined || after === undefined || now.quality !== 'good') continue
      const wavers = Math.max(...before.map((one) => Math.abs((one ?? base) - base)))
      if (Math.abs(after - base) > Math.max(CHANGE_MIN, CHANGE_SHARE * Math.abs(base), 2 * wavers))
        return { quantity: now.quantity, ...(now.unit === undefined ? {} : { unit: now.unit }), before: base, after }
    }
    await pause(READ_EVERY_MS)
  }
  return undefined
}

/** A counter has no value of its own, only what it counted. */
const worthOf = ({ value, raw }: Reading) => value ?? raw

function readingsOf(data: unknown): Reading[] {
  const { readings = [] } = (data ?? {}) as { readings?: Reading[] }
  return readings
}

async function tryOutput(trial: Trial, output: string): Promise<void> {
  const check = `output-${output}`.slice(0, 40)
  const answer = await trial.dialogue.ask('output', ['yes', 'no'], 'no', output)
  if (answer === 'no') return trial.skip(check, 'NOT_TRIED')
  const after = trial.mark()
  const { result, sent_ms, ended_ms } = await trial.command('output', { output, on: true, for_ms: OUTPUT_MS })
  // On the day of installation no gauge has been dry for long enough: it is right to refuse.
  if (result.code === 'PARK_RAIN_LOCK') return trial.skip(check, 'PARK_RAIN_LOCK')
  const measured = { command_ms: ended_ms - sent_ms }
  if (result.status !== 'succeeded') return trial.fail(check, result.code ?? result.status.toUpperCase(), measured)
  trial.pass(check, measured)
  await trial.confirm(`${check}-seen`.slice(0, 40), 'outputOn', output)
  await trial.arrival('event', (one) => one.type === 'event' && one.name === 'output-changed', TELEMETRY_MS, after)
}
