import type { GateMode, PassageRight } from '../../../hub/contract/access-gate.ts'
import type { Moment } from '../../moment.ts'
import type { Driver } from '../driver.ts'

/** What the credentials say about a card, a PIN or a plate that a reader or a camera has read. */
export interface AccessDecision {
  granted: boolean
  direction: 'in' | 'out'
  by: Extract<PassageRight, 'card' | 'card-and-pin' | 'pin' | 'plate'>
  /** Why it was denied, in kebab-case. */
  reason?: string
  /** A keyed hash; never a number or a name. */
  credential?: string
  /** The holder is being forced: grant as usual, and tell staff. */
  duress?: boolean
  /** A credential of the emergency services passes in every mode. */
  emergency?: boolean
}

/** The driver of a gate, to which readers and cameras bring their decisions. */
export interface AccessGateDriver extends Driver {
  access(decision: AccessDecision, at: Moment): void
  /** What holds now: who asks for a decision must know whether a card is enough. */
  mode(): GateMode
  /** A reader or an enclosure reports that it is being tampered with, or whole again (`reason` undefined). */
  tamper(part: string, reason: string | undefined, at: Moment): void
}
