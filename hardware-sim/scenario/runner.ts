import type { Cancel, Timeline } from '../time/timeline.ts'
import type { Scenario, Step } from './steps.ts'

/**
 * Plays a scenario on a timeline, in real time or in virtual time alike. One step waits at a time, so a scenario of a
 * hundred thousand steps weighs nothing while it runs.
 * @param apply must not throw: the targets of all steps have been checked before
 */
export function runScenario(
  timeline: Timeline,
  scenario: Scenario,
  apply: (step: Step, at_ms: number) => void,
  ended: (at_ms: number) => void,
): Cancel {
  const start_ms = timeline.now()
  let waiting: Cancel | undefined

  function next(index: number, last_ms: number): void {
    const step = scenario.steps[index]
    if (!step) {
      ended(last_ms)
      return
    }
    waiting = timeline.at(start_ms + step.at_ms, (due_ms) => {
      apply(step, due_ms)
      next(index + 1, due_ms)
    })
  }

  next(0, start_ms)
  return () => waiting?.()
}
