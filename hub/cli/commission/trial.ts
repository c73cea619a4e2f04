import type { Clocks, Look } from '../../commissioning/counter.ts'
import type { Check, Measured } from '../../commissioning/record.ts'
import type { Sighting } from '../../commissioning/watch.ts'
import type { Dialogue } from './dialogue.ts'
import { type Answered, clockDifference, type Eye, openEye, type Stand } from './stand.ts'
import type { InstructionKey, QuestionKey } from './words.ts'

/** One device being tried: what is done, what is waited for, and what came of each check. */
export interface Trial {
  readonly look: Look
  readonly dialogue: Dialogue
  readonly checks: readonly Check[]
  has(capability: string): boolean
  pass(check: string, measured?: Measured): void
  fail(check: string, reason: string, measured?: Measured): void
  skip(check: string, reason: string): void
  /** A person does something, and an event has to come of it, at the hub and at the upstreams. */
  event(
    check: string,
    key: InstructionKey,
    name: string,
    fits?: (data: Data) => boolean,
    detail?: string,
  ): Promise<Data | undefined>
  /** A person does something, and a state has to come of it. Undefined: it did not, and that is a check that failed. */
  state<S>(check: string, key: InstructionKey, isThere: (state: S) => boolean): Promise<S | undefined>
  /** The state that a command brings about, or that holds already; nothing is recorded. */
  becomes<S>(isThere: (state: S) => boolean, within_ms: number, after: number): Promise<S | undefined>
  /** Any event or readings on their way to the upstreams. */
  arrival(check: string, wanted: (sighting: Sighting) => boolean, within_ms: number, after: number): Promise<boolean>
  command(name: string, args: object): Promise<Answered>
  /** A command that has to succeed. */
  commands(check: string, name: string, args: object): Promise<boolean>
  /** Does the person see it? Nobody there: the check is skipped. */
  confirm(check: string, key: QuestionKey, detail?: string): Promise<void>
  mark(): number
}

export type Data = Record<string, unknown>

export interface TrialDeps {
  stand: Stand
  dialogue: Dialogue
  now_ms: () => number
  monotonic_ms: () => number
  /** Each check, when it is there. */
  onCheck: (checks: readonly Check[]) => void
}

/** People walk, climb and look for keys. */
const PERSON_MS = 120_000
/** A platform that takes longer does not take alarms. */
const ACKNOWLEDGED_MS = 10_000
/** Longer than this is no way from a pin to a hub, but a clock that was set meanwhile. */
const EDGE_MS_MAX = 60_000

export async function openTrial(deps: TrialDeps): Promise<Trial & { finish(): void }> {
  const { stand, dialogue, monotonic_ms } = deps
  const look = await stand.look()
  const eye: Eye = openEye(stand, look.number, monotonic_ms)
  const checks: Check[] = []
  /** Of checks whose event has a time of the gateway. */
  const edges = new Map<Check, { gateway_ms: number; hub_ms: number }>()
  let clocks: Clocks | undefined

  function conclude(check: string, outcome: Check['outcome'], reason?: string, measured?: Measured): Check {
    const hasMeasured = measured !== undefined && Object.keys(measured).length > 0
    const made: Check = {
      check,
      outcome,
      at: new Date(deps.now_ms()).toISOString(),
      ...(reason === undefined ? {} : { reason }),
      ...(hasMeasured ? { measured } : {}),
    }
    checks.push(made)
    dialogue.check(made)
    deps.onCheck(checks)
    return made
  }

  /** How long each upstream took; those that are away, or do not want it, are not there. */
  async function acknowledgements(id: string): Promise<Record<string, number>> {
    const open = new Set(look.upstreams.filter(({ connected }) => connected).map(({ name }) => name))
    const took: Record<string, number> = {}
    if (open.size === 0) return took
    await eye.until((one) => {
      if (one.type !== 'acknowledged' || one.id !== id) return undefined
      took[one.upstream] = one.after_ms
      open.delete(one.upstream)
      return open.size === 0 ? true : undefined
    }, ACKNOWLEDGED_MS)
    return took
  }

  async function arrived(check: string, sighting: Sighting & { type: 'event' | 'readings' }, measured: Measured = {}) {
    const { event, id, at_ms } = sighting
    const upstream_ms = await acknowledgements(id)
    const hasArrived = look.upstreams.length === 0 || Object.keys(upstream_ms).length > 0
    const all = look.upstreams.length === 0 ? measured : { ...measured, upstream_ms }
    const made = hasArrived
      ? conclude(check, 'pass', undefined, all)
      : conclude(check, 'fail', 'UPSTREAM_SILENT', measured)
    // Telemetry has the time of its pack, not of an edge.
    if (sighting.type === 'event') edges.set(made, { gateway_ms: Date.parse(event.time), hub_ms: at_ms })
    return hasArrived
  }

  const trial: Trial = {
    look,
    dialogue,
    checks,
    has: (capability) => look.meta?.capabilities.includes(capability) === true,
    mark: eye.mark,
    pass: (check, measured) => void conclude(check, 'pass', undefined, measured),
    fail: (check, reason, measured) => void conclude(check, 'fail', reason, measured),
    skip: (check, reason) => void conclude(check, 'skip', reason),

    async event(check, key, name, fits = () => true, detail = '') {
      const after = eye.mark()
      const find = (one: Sighting) =>
        one.type === 'event' && one.name === name && !one.event.replayed && fits(one.event.data as Data)
          ? one
          : undefined
      const found = await dialogue.until(key, (stop) => eye.until(find, PERSON_MS, { after, stop }), detail)
      if (found === 'skip') return void conclude(check, 'skip', 'NOT_TRIED')
      if (!found) return void conclude(check, 'fail', 'NOTHING_CAME')
      const data = found.event.data as Data
      await arrived(check, found, typeof data.held_ms === 'number' ? { held_ms: data.held_ms } : {})
      return data
    },

    async state<S>(check: string, key: InstructionKey, isThere: (state: S) => boolean) {
      // What holds already counts: the person may have been quicker.
      const { state } = await stand.look()
      if (state !== undefined && isThere(state as S)) return state as S
      const after = eye.mark()
      const found = await dialogue.until(key, (stop) => eye.until(stateThat(isThere), PERSON_MS, { after, stop }))
      if (found === 'skip') return void conclude(check, 'skip', 'NOT_TRIED')
      if (found === undefined) return void conclude(check, 'fail', 'NOTHING_CAME')
      return found
    },

    async becomes<S>(isThere: (state: S) => boolean, within_ms: number, after: number) {
      const { state } = await stand.look()
      if (state !== undefined && isThere(state as S)) return state as S
      return eye.until(stateThat(isThere), within_ms, { after })
    },

    async arrival(check, wanted, within_ms, after) {
      const find = (one: Sighting) =>
        (one.type === 'event' || one.type === 'readings') && wanted(one) ? one : undefined
      const found = await eye.until(find, within_ms, { after })
      if (found) return arrived(check, found)
      conclude(check, 'fail', 'NOTHING_CAME')
      return false
    },

    async command(name, args) {
      const answer = await stand.command(name, args)
      if (answer.clocks && (!clocks || width(answer.clocks) < width(clocks))) clocks = answer.clocks
      return answer
    },

    async commands(check, name, args) {
      const { result, sent_ms, ended_ms } = await trial.command(name, args)
      const measured = { command_ms: ended_ms - sent_ms }
      const isDone = result.status === 'succeeded'
      if (isDone) conclude(check, 'pass', undefined, measured)
      else conclude(check, 'fail', result.code ?? result.status.toUpperCase(), measured)
      return isDone
    },

    async confirm(check, key, detail) {
      const answer = await dialogue.ask(key, ['yes', 'no', 'skip'], 'skip', detail)
      if (answer === 'skip') conclude(check, 'skip', 'NOT_SEEN')
      else conclude(check, answer === 'yes' ? 'pass' : 'fail', answer === 'yes' ? undefined : 'SEEN_OTHERWISE')
    },
  }

  return Object.assign(trial, {
    /** With the difference of the clocks, which is known only after a command. */
    finish() {
      if (!clocks) return
      const { ahead_ms, uncertainty_ms } = clockDifference(clocks)
      for (const [check, { gateway_ms, hub_ms }] of edges) {
        const edge_ms = hub_ms - (gateway_ms - ahead_ms)
        if (edge_ms < -uncertainty_ms || edge_ms > EDGE_MS_MAX) continue
        check.measured = {
          ...check.measured,
          edgeToHub_ms: Math.max(0, Math.round(edge_ms)),
          edgeToHub_uncertainty_ms: Math.ceil(uncertainty_ms),
        }
      }
      deps.onCheck(checks)
    },
  })
}

function stateThat<S>(isThere: (state: S) => boolean): (one: Sighting) => S | undefined {
  return (one) => (one.type === 'state' && isThere(one.state as S) ? (one.state as S) : undefined)
}

function width({ sent_ms, received_ms }: Clocks): number {
  return received_ms - sent_ms
}
