import { INCIDENT_KINDS, type IncidentArgs, type IncidentCommand } from '../../hub/contract/incident.ts'
import type { Msg } from './red.ts'

/** What a step of an incident takes along: what the node says, else what the message says. */

/** `submit` is the residents' app's: a flow that has something to say raises it. */
export type FlowStep = Exclude<IncidentCommand, 'submit'>
export type StepArgs = { [N in FlowStep]: IncidentArgs<N> }[FlowStep]

export interface StepConfig {
  name?: string
  step: FlowStep
  /** What is written with it; `msg.payload` when empty. */
  text: string
  /** `msg.kind` when empty, and so on; nodes of older flows have none of these. */
  kind?: string
  team?: string
  person?: string
  satisfied?: '' | 'yes' | 'no'
}

/** Which member of its arguments a step takes the text as; `comment` for the others. */
const TEXT_AS: Partial<Record<FlowStep, string>> = {
  'false-alarm': 'reason',
  reopen: 'reason',
  raise: 'text',
  comment: 'text',
  resolve: 'text',
  answer: 'text',
  confirm: 'text',
}
const TEXT_CHARS_MAX = 2_000
/** Where a text must be and nobody wrote one. */
const NO_TEXT = '流程 flow'

/** @returns `missing`: what neither node nor message say, and the step cannot be without */
export function stepArgs(config: StepConfig, msg: Msg): { args: StepArgs } | { missing: string } {
  const { step } = config
  const given = (field: 'kind' | 'team' | 'person') => {
    const value = config[field] || msg[field]
    return typeof value === 'string' && value !== '' ? { [field]: value } : {}
  }
  const text = (config.text || (typeof msg.payload === 'string' ? msg.payload : '')).slice(0, TEXT_CHARS_MAX)
  const must = step === 'raise' || step === 'false-alarm' || step === 'reopen' || step === 'comment'
  const said = text || must ? { [TEXT_AS[step] ?? 'comment']: text || NO_TEXT } : {}
  const who = { ...given('team'), ...given('person') }
  const filled = (more: object) => ({ args: { ...more, ...said } as StepArgs })
  switch (step) {
    case 'raise':
      return filled({ ...given('kind'), ...(msg.place ? { place: msg.place } : {}) })
    case 'correct-kind': {
      const kind = given('kind')
      return 'kind' in kind ? filled(kind) : { missing: `a kind: ${INCIDENT_KINDS.join(', ')}` }
    }
    case 'dispatch':
      return filled(who)
    case 'assign':
      return Object.keys(who).length > 0 ? filled(who) : { missing: 'a team or a person' }
    case 'confirm': {
      const satisfied = config.satisfied ? config.satisfied === 'yes' : msg.satisfied
      return typeof satisfied === 'boolean' ? filled({ satisfied }) : { missing: 'whether the resident is satisfied' }
    }
    default:
      return filled({})
  }
}
