import { LinliError, reasonOf } from '../contract/errors.ts'
import { type HardwareWatchdog, openHardwareWatchdog } from './hardware-watchdog.ts'
import { type Libc, openLibc } from './libc.ts'
import {
  createLifelineState,
  type LifelineConfig,
  type LifelineEffect,
  type LifelineInput,
  type LifelineStatus,
  step,
} from './machine.ts'
import { type ServiceManager, serviceManagerOf } from './service-manager.ts'
import { keepStatus } from './status-file.ts'
import { countWear } from './wear-count.ts'

/** Feeds the service manager's watchdog and the hardware's while the way of alarms is proven. */
export interface Lifeline {
  /** Whoever can send something along the way of alarms; what comes of it is told by `prove`. */
  onTest(test: () => void): void
  prove(): void
  /** The process has begun its work. */
  ready(): void
  /** It ends as it was asked to: nobody has to restart anything. */
  close(): void
}

export interface LifelineDeps {
  serviceManager: ServiceManager | undefined
  /** @throws when it cannot be opened now */
  openHardware: (() => HardwareWatchdog) | undefined
  /** Kept for `linli doctor`. */
  onStatus(status: LifelineStatus): void
  /** Once an hour. */
  onHour(): void
  log: { info(details: object, message: string): void; error(details: object, message: string): void }
}

/** On a way with nothing else on it 720 entries a day. */
export const TEST_S = '120'
const TEST_S_MAX = 3600
/** @throws {LinliError} OPTION_INVALID */
export function selfTest_ms(option: string, text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= TEST_S_MAX) return seconds * 1000
  const message = `${option} is ${text}; give a number of seconds from 1 to ${TEST_S_MAX}`
  throw new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}

/** Two tests may fail. */
const LOST_PER_TEST = 2.5
/** Before what waits for it has half run out. */
const FED_PER_TIMEOUT = 3
const TICK_MS_MAX = 10_000
const HOUR_MS = 3_600_000
/** Long enough for a restart of the process to be proven again. */
export const HARDWARE_TIMEOUT_S = 60

export function createLifeline(deps: LifelineDeps, test_ms: number): Lifeline {
  const { serviceManager, log } = deps
  const config: LifelineConfig = { test_ms, lost_ms: test_ms * LOST_PER_TEST }
  let state = createLifelineState(performance.now())
  let hardware: HardwareWatchdog | undefined
  let isToldClosed = false
  let test: (() => void) | undefined
  let timer: ReturnType<typeof setInterval> | undefined

  function run(input: LifelineInput): void {
    const next = step(config, state, input, performance.now())
    state = next.state
    for (const effect of next.effects) perform(effect)
  }

  function perform(effect: LifelineEffect): void {
    switch (effect.type) {
      case 'test':
        test?.()
        return
      case 'feed':
        serviceManager?.alive()
        if (effect.hardware) feedHardware()
        return
      case 'status':
        if (effect.status === 'lost') log.error({}, 'the way of alarms is lost: watchdogs are not fed any more')
        else log.info({}, 'the way of alarms is proven')
        serviceManager?.say(`alarm way ${effect.status}`)
        deps.onStatus(effect.status)
    }
  }

  function feedHardware(): void {
    try {
      if (!hardware && deps.openHardware) {
        hardware = deps.openHardware()
        log.info({ timeout_s: hardware.timeout_s }, 'the hardware watchdog runs')
        schedule()
      }
      hardware?.feed()
    } catch (error) {
      if (!isToldClosed) log.error({ error: reasonOf(error) }, 'the hardware watchdog cannot be used')
      isToldClosed = true
    }
  }

  function schedule(): void {
    clearInterval(timer)
    const waits = [serviceManager?.watchdog_ms, hardware && hardware.timeout_s * 1000]
    const shortest_ms = Math.min(...waits.flatMap((wait) => (wait === undefined ? [] : [wait / FED_PER_TIMEOUT])))
    timer = setInterval(() => run({ type: 'tick' }), Math.min(TICK_MS_MAX, test_ms / 2, shortest_ms))
  }

  schedule()
  const hourly = setInterval(deps.onHour, HOUR_MS)
  return {
    onTest(next) {
      test = next
    },
    prove: () => run({ type: 'proof' }),
    ready: () => serviceManager?.ready(),
    close() {
      clearInterval(timer)
      clearInterval(hourly)
      serviceManager?.stopping()
      hardware?.disarm()
      hardware = undefined
    },
  }
}

/** The one of this process. Without the C library nobody is fed: whoever waits will restart us, and says so. */
export async function openLifeline(
  log: LifelineDeps['log'],
  { dataDir, watchdog, test_ms }: { dataDir: string; watchdog: string | undefined; test_ms: number },
): Promise<Lifeline> {
  const isWanted = watchdog !== undefined || process.env.NOTIFY_SOCKET !== undefined
  let libc: Libc | undefined
  try {
    libc = isWanted ? await openLibc() : undefined
  } catch (error) {
    log.error({}, reasonOf(error))
  }
  const serviceManager = libc && serviceManagerOf(process.env, process.pid, libc)
  const openHardware = () => openHardwareWatchdog(watchdog as string, HARDWARE_TIMEOUT_S, libc as Libc)
  const onHour = () => {
    try {
      countWear(dataDir, '/')
    } catch (error) {
      log.error({ error: reasonOf(error) }, 'what is written to the disks cannot be counted')
    }
  }
  onHour()
  const isHardware = libc !== undefined && watchdog !== undefined
  const parts = { log, serviceManager, onHour, onStatus: keepStatus(dataDir, log) }
  return createLifeline({ ...parts, openHardware: isHardware ? openHardware : undefined }, test_ms)
}
