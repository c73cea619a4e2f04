import type { Address } from '../../hub/contract/topic.ts'
import type { CredentialDesk, Presented } from '../credentials/desk.ts'
import type { AccessGateDriver } from '../drivers/access-gate/access.ts'
import type { DriverEvent } from '../drivers/driver.ts'
import { type Moment, momentNow } from '../moment.ts'
import type { Logger } from '../ports/logger.ts'

/**
 * The one way from a decision of the desk to a gate, whoever has read the card or the plate: what must be on disk first
 * is waited for, and what the gate makes of it is told to the desk.
 */
export interface Admission {
  /**
   * Brings a decision to its gate: at once, or when it is on disk that it was used (`keepFirst`).
   * @param show how it stands, for lamps: `waiting` only when the disk takes its time, then once `granted` or `denied`,
   * by what the gate itself made of it
   */
  admit(gate: AccessGateDriver, presented: Presented, at: Moment, show?: (shown: Shown) => void): void
  /** Every event of every device of this gateway, as its driver says it. */
  heard(device: Address, event: DriverEvent): void
  /** A device lost its hardware: nobody knows who passed at that moment, so what was counted stays. */
  wentOffline(device: Address): void
  close(): void
}

export type Shown = 'waiting' | 'granted' | 'denied'

export interface AdmissionDeps {
  desk: Pick<CredentialDesk, 'takeBack' | 'settle' | 'settleAll' | 'forgive'>
  /** An event in the name of a gate. */
  say(gate: Address, event: DriverEvent): void
  log: Logger
}

/** Whoever waits at a reader without a sign holds the card there again: told in time for a lamp within 200 ms. */
const WAITING_AFTER_MS = 100
/** A disk that has not taken it by then will not soon; nobody stands before a door for longer. */
const KEPT_TIMEOUT_MS = 5_000
/** Beside the desk's own reasons (`DENIALS`): the disk did not take that the credential was used. */
export const NOT_KEPT = 'not-kept'

export function createAdmission({ desk, say, log }: AdmissionDeps): Admission {
  /** The gate that is being asked right now, and whether it has said no. */
  let asked: { gate: string; refused: boolean } | undefined
  /** Who is waiting for the disk, by gate and credential: held there twice, a card is still one visit. */
  const waiting = new Map<string, Array<(shown: Shown) => void>>()
  const timers = new Set<ReturnType<typeof setTimeout>>()
  let closed = false

  function after(delay_ms: number, then: () => void): () => void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      then()
    }, delay_ms)
    timers.add(timer)
    return () => {
      clearTimeout(timer)
      timers.delete(timer)
    }
  }

  /** @returns whether the gate lets them through */
  function ask(gate: AccessGateDriver, presented: Presented, at: Moment): boolean {
    const { access, passback } = presented
    const { credential, direction } = access
    asked = { gate: gate.address.device, refused: !access.granted }
    gate.access(access, at)
    const { refused } = asked
    asked = undefined
    if (access.granted && refused) takeBack(gate, presented)
    if (refused) return false
    if (passback)
      say(gate.address, { type: 'passback', severity: 'warning', at, data: { direction, ...named(credential) } })
    return true
  }

  function askWhenKept(gate: AccessGateDriver, presented: Presented, show: (shown: Shown) => void): void {
    const key = `${gate.address.device} ${presented.access.credential}`
    const shows = waiting.get(key)
    if (shows) return void shows.push(show)
    const all = [show]
    waiting.set(key, all)
    const tell = (shown: Shown) => {
      for (const one of all) one(shown)
    }
    const stopWaiting = after(WAITING_AFTER_MS, () => tell('waiting'))
    const decide = (isKept: boolean) => {
      if (closed || waiting.get(key) !== all) return
      waiting.delete(key)
      stopWaiting()
      stopTimeout()
      if (!isKept) refuse(gate, presented)
      tell(isKept && ask(gate, presented, momentNow()) ? 'granted' : 'denied')
    }
    const stopTimeout = after(KEPT_TIMEOUT_MS, () => decide(false))
    void presented.kept.then(decide)
  }

  function takeBack(gate: AccessGateDriver, { access, again }: Presented): void {
    if (access.credential !== undefined && !again) desk.takeBack(access.credential, gate.address.device)
  }

  /** Duress is told all the same. */
  function refuse(gate: AccessGateDriver, presented: Presented): void {
    takeBack(gate, presented)
    gate.access({ ...presented.access, granted: false, reason: NOT_KEPT }, momentNow())
  }

  async function forgive(): Promise<void> {
    if (!(await desk.forgive()))
      log.error({}, 'after the evacuation: not on disk that nobody counts as inside any more')
  }

  return {
    admit(gate, presented, at, show = () => undefined) {
      if (presented.keepFirst) askWhenKept(gate, presented, show)
      else show(ask(gate, presented, at) ? 'granted' : 'denied')
    },
    heard({ class: deviceClass, device }, { type, data }) {
      if (deviceClass !== 'access-gate') return
      const { credential, previous } = data as { credential?: string; previous?: string }
      if (type === 'denied' && asked?.gate === device) asked.refused = true
      else if (type === 'mode-changed' && previous === 'evacuate') void forgive()
      else if (credential === undefined) return
      else if (type === 'unused') desk.takeBack(credential, device)
      else if (type === 'passage') desk.settle(credential, device)
    },
    wentOffline: ({ class: deviceClass, device }) => {
      if (deviceClass === 'access-gate') desk.settleAll(device)
    },
    close() {
      closed = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

function named(credential: string | undefined): { credential?: string } {
  return credential === undefined ? {} : { credential }
}
