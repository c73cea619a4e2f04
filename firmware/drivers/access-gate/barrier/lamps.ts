import type { LampName, Run } from './state.ts'
import { entrySides, isFree, sideOf } from './tokens.ts'

/** The traffic lights: which of the drivers before the boom this opening is for. */

/** Red is the light that is off: so it is at boot, without a board, and whenever there is nothing to say. */
export function isGreen(run: Run, lamp: LampName): boolean {
  const { state, config, rules } = run
  if (!config.lamps.includes(lamp) || !rules.mayShowGreen(state)) return false
  const fromExit = lamp === 'lamp-exit'
  if (!entrySides(run).includes(fromExit ? 'exit' : 'approach')) return false
  const { crossing } = state
  // Nobody is sent towards one who comes the other way.
  if (crossing && crossing.fromExit !== fromExit) return false
  if (isFree(run) || state.hold !== undefined) return true
  // The vehicle under the boom uses the first right; the light speaks to the next.
  const next = crossing ? 1 : 0
  if (next >= state.serving) return false
  const direction = state.tokens[next]?.direction
  return direction === undefined || direction === sideOf(run, fromExit)
}
