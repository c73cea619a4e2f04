import type { GateMode } from '../../hub/contract/access-gate.ts'
import {
  type CredentialKind,
  type CredentialsHave,
  type CredentialsUpdate,
  cardPinHash,
  credentialId,
  keyId,
} from '../../hub/contract/credentials.ts'
import type { TimeQuality } from '../../hub/contract/event.ts'
import type { AccessDecision } from '../drivers/access-gate/access.ts'
import type { Moment } from '../moment.ts'
import { type Attempts, isBarred, NO_ATTEMPTS, wrongAttempt } from './attempts.ts'
import { type Ask, type Denial, decide, type Remembered } from './decide.ts'
import { createLedger, type LedgerDeps } from './ledger.ts'
import { type PlateReading, readPlate } from './plates.ts'
import { type Applied, createReplica, type ReplicaDeps } from './replica.ts'
import { type AccessSchedule, createSchedules } from './schedules.ts'

/** Where readers and cameras bring what they have read, and get a decision at once, with the network away. */
export interface CredentialDesk {
  /**
   * @param reference as `readCard` gives it, e.g. `h10301:17:5123`
   * @param pin the digits entered beside it
   */
  card(reference: string, pin: string | undefined, at: Presence): Presented
  pin(digits: string, at: Presence): Presented
  plate(reading: PlateReading, at: Presence): Presented
  /**
   * The gate was opened and nobody came, or it had a reason of its own not to open: what was counted for it is not,
   * unless the credential has been used again since.
   */
  takeBack(credential: string, gate: string): void
  /** Somebody has passed: what was counted for it stays. Until then the same credential at the same gate counts once. */
  settle(credential: string, gate: string): void
  /** As `settle` for all who were on the way through a gate. */
  settleAll(gate: string): void
  /**
   * Forgets where one credential went last, or all: after an evacuation nobody is inside any more. Holds at once;
   * resolves as `kept` of a grant. Never rejects.
   */
  forgive(credential?: string): Promise<boolean>
  /** Never rejects. */
  apply(update: CredentialsUpdate): Promise<Applied>
  have(): CredentialsHave
  stats(): { count: number; bytes: number; remembered: number }
}

/** Where, when and how something was presented. */
export interface Presence {
  gate: string
  direction: 'in' | 'out'
  /** The mode that holds at the gate. */
  mode: GateMode
  at: Moment
  timeQuality: TimeQuality
}

export interface Presented {
  access: AccessDecision
  /** Soft anti-passback: granted, but it was inside (outside) already. */
  passback: boolean
  /** Who may not come in twice over a power cut (visitors, hard anti-passback) is let in when `kept`, all others at once. */
  keepFirst: boolean
  /** It counts as one with a grant that stands at the gate: what the gate makes of this one takes nothing back. */
  again: boolean
  /** Resolves when what must outlive a power cut is on disk, after one fsync; false when that failed. Never rejects. */
  kept: Promise<boolean>
}

interface Grant {
  before: Remembered | undefined
  after: Remembered
  /** Monotonic. */
  at_ms: number
}

export interface DeskConfig {
  /** The site's key, and the one before it while keys are being changed; 32 bytes or more. */
  siteKeys: readonly Uint8Array[]
  gates: Readonly<Record<string, { area?: string; plateConfidence_min?: number }>>
  schedules: Readonly<Record<string, AccessSchedule>>
}

/** Grants that can still be taken back. */
const GRANTS_MAX = 256
/** A grant may be replaced by the next one without a word; after this nobody is still on the way through. */
const GRANT_MS = 120_000
/** For gates that do not name an area of their own. */
const AREA = 'estate'
const KEPT = Promise.resolve(true)

/** Rejects when the log cannot be read, or CREDENTIALS_CONFIG, CREDENTIALS_KEY for a configuration that is none. */
export async function createCredentialDesk(
  deps: ReplicaDeps & LedgerDeps,
  config: DeskConfig,
): Promise<CredentialDesk> {
  const keys = new Map(config.siteKeys.map((key) => [keyId(key), key]))
  const inSchedule = createSchedules(config.schedules)
  const gates = new Map(Object.entries(config.gates))
  const replica = await createReplica(deps, new Set(keys.keys()))
  const ledger = await createLedger(deps)
  const attempts = new Map<string, Attempts>()
  const grants = new Map<string, Grant>()

  function present(kind: CredentialKind, text: string, pin: string | undefined, presence: Presence): Presented {
    const { gate, direction, mode, at, timeQuality } = presence
    const by = kind === 'card' && pin !== undefined ? 'card-and-pin' : kind
    const asksPin = by !== 'card' && by !== 'plate'
    const tried = attempts.get(gate) ?? NO_ATTEMPTS
    if (asksPin && isBarred(tried, at.monotonic_ms)) return denied(by, direction, 'too-many-attempts')
    const key = keys.get(replica.position.key)
    if (!key) return denied(by, direction, 'unknown')
    const id = credentialId(key, kind, text)
    const credential = replica.store.get(id)
    const schedule = credential?.schedule
    const ask: Ask = {
      kind,
      pin: pin === undefined ? undefined : cardPinHash(key, id, pin),
      gate,
      area: gates.get(gate)?.area ?? AREA,
      direction,
      mode,
      wall_ms: at.wall_ms,
      isClockGood: timeQuality !== 'unsynced',
      isInSchedule: schedule === undefined ? undefined : inSchedule(schedule, at.wall_ms),
    }
    const known = ledger.get(id)
    const again = standingGrant(id, gate, known, at.monotonic_ms)
    const before = again ? again.before : known
    const decision = decide(credential, before, ask)
    if (!decision.granted) {
      const isGuess = decision.reason === 'wrong-pin' || (kind === 'pin' && decision.reason === 'unknown')
      if (isGuess) attempts.set(gate, wrongAttempt(tried, at.monotonic_ms))
      // Of what is not ours nothing is told on: no trail of strangers' plates.
      return denied(by, direction, decision.reason, credential && id)
    }
    const { duress, emergency, passback, remembered } = decision
    if (remembered) rememberGrant(`${id} ${gate}`, { before, after: remembered, at_ms: at.monotonic_ms })
    return {
      access: {
        granted: true,
        direction,
        by: decision.by,
        credential: id,
        ...(duress ? { duress } : {}),
        ...(emergency ? { emergency } : {}),
      },
      passback,
      keepFirst: remembered !== undefined && decision.keepFirst,
      again: again !== undefined,
      kept: remembered ? ledger.set(id, remembered) : KEPT,
    }
  }

  /** A plate that is read again, a card held twice: the same visit, until somebody has passed. */
  function standingGrant(id: string, gate: string, known: Remembered | undefined, now_ms: number): Grant | undefined {
    const grant = grants.get(`${id} ${gate}`)
    return grant && grant.after === known && now_ms - grant.at_ms < GRANT_MS ? grant : undefined
  }

  function rememberGrant(name: string, grant: Grant): void {
    grants.delete(name)
    grants.set(name, grant)
    const [oldest] = grants.keys()
    if (grants.size > GRANTS_MAX && oldest !== undefined) grants.delete(oldest)
  }

  async function apply(update: CredentialsUpdate): Promise<Applied> {
    const applied = await replica.apply(update)
    if (applied.status !== 'applied') return applied
    const gone = applied.gone === 'all-unknown' ? ledger.ids() : applied.gone
    // A copy from before a visitor was known must not make his visits undone: only the hub's word ends a memory.
    void ledger.setMany(gone.filter((id) => !replica.store.get(id)).map((id) => [id, undefined]))
    return applied
  }

  return {
    card: (reference, pin, at) => present('card', reference, pin, at),
    pin: (digits, at) => present('pin', digits, undefined, at),
    plate(reading, at) {
      const plate = readPlate(reading, gates.get(at.gate)?.plateConfidence_min)
      return typeof plate === 'string'
        ? denied('plate', at.direction, plate)
        : present('plate', plate.text, undefined, at)
    },
    takeBack(credential, gate) {
      const grant = grants.get(`${credential} ${gate}`)
      grants.delete(`${credential} ${gate}`)
      if (grant && ledger.get(credential) === grant.after) void ledger.set(credential, grant.before)
    },
    settle(credential, gate) {
      grants.delete(`${credential} ${gate}`)
    },
    settleAll(gate) {
      for (const name of [...grants.keys()]) if (name.endsWith(` ${gate}`)) grants.delete(name)
    },
    forgive(credential) {
      const wanted = credential === undefined ? ledger.ids() : [credential]
      return ledger.setMany(
        wanted.flatMap((id): Array<[string, Remembered]> => {
          const known = ledger.get(id)
          return known && Object.keys(known.areas).length > 0 ? [[id, { ...known, areas: {} }]] : []
        }),
      )
    },
    apply,
    have: () => replica.have(),
    stats: () => ({ count: replica.store.count, bytes: replica.store.bytes, remembered: ledger.ids().length }),
  }
}

function denied(
  by: AccessDecision['by'],
  direction: AccessDecision['direction'],
  reason: Denial,
  credential?: string,
): Presented {
  const access = { granted: false, direction, by, reason, ...(credential === undefined ? {} : { credential }) }
  return { access, passback: false, keepFirst: false, again: false, kept: KEPT }
}
