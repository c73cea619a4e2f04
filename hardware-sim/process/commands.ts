import { SimError } from '../error.ts'
import { decodeScenario, decodeStep, type Scenario, type Step } from '../scenario/steps.ts'

/** What may come in on stdin, one JSON object per line. */
export type Command = { type: 'step'; step: Step } | { type: 'scenario'; scenario: Scenario }

/** @throws SimError SIM_STEP_INVALID naming the field */
export function decodeCommand(line: string): Command {
  const data = parse(line)
  if ((data as { do?: unknown } | null)?.do !== 'scenario') return { type: 'step', step: decodeStep(data, 'command') }
  const { do: _, ...scenario } = data as Record<string, unknown>
  return { type: 'scenario', scenario: decodeScenario(scenario) }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new SimError('SIM_STEP_INVALID', `command: not JSON, ${(cause as Error).message}`)
  }
}
