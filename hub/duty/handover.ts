import { LinliError } from '../contract/errors.ts'
import { Instant } from '../contract/event.ts'
import type { IncidentState } from '../contract/incident.ts'
import { Place } from '../contract/meta.ts'
import { type Static, Type } from '../contract/type.ts'
import type { Devices, DeviceView } from '../devices/devices.ts'
import { isOpen } from '../incidents/life-machine.ts'
import { jsonRecord, type Records } from './records.ts'

/**
 * Sheets of shift handovers: what the hub itself knows of the estate at that moment, what the one who leaves writes, and the
 * names of both. A sheet that both have signed never changes.
 */

export const NOTES_CHARS_MAX = 4_000
const SHEETS_MAX = 1_000
/** Lines of one kind on one sheet. */
const LINES_MAX = 200

const Signature = Type.Object({ name: Type.String({ maxLength: 80 }), at: Instant })
const Line = Type.Object({
  what: Type.String({ maxLength: 120, description: '{gateway}/{class}/{device}' }),
  status: Type.String({ maxLength: 60 }),
  detail: Type.Optional(Type.String({ maxLength: 120 })),
  since: Type.Optional(Type.String({ maxLength: 40 })),
  place: Type.Optional(Place),
})
export type HandoverLine = Static<typeof Line>

export const HandoverSheet = Type.Object({
  number: Type.Integer({ minimum: 1 }),
  from: Type.Optional(Instant),
  to: Instant,
  notes: Type.String({ maxLength: NOTES_CHARS_MAX }),
  incidents: Type.Array(Line, { maxItems: LINES_MAX }),
  devices: Type.Array(Line, { maxItems: LINES_MAX, description: 'those that do not work' }),
  gates: Type.Array(Line, { maxItems: LINES_MAX, description: 'those that are not as the schedule wants them' }),
  outgoing: Signature,
  incoming: Type.Optional(Signature),
  remark: Type.Optional(Type.String({ maxLength: NOTES_CHARS_MAX })),
})
export type HandoverSheet = Static<typeof HandoverSheet>

export interface Handovers {
  /** Newest first. */
  list(count: number): HandoverSheet[]
  /** What a sheet would say now. */
  draft(): Pick<HandoverSheet, 'from' | 'incidents' | 'devices' | 'gates'>
  /** Writes the sheet and signs it; one that nobody has taken over yet is written anew. */
  write(name: string, notes: string): Promise<HandoverSheet>
  /** @throws {LinliError} HANDOVER_UNKNOWN, HANDOVER_SIGNED, HANDOVER_SAME_PERSON */
  sign(number: number, name: string, remark: string): Promise<HandoverSheet>
}

const PREFIX = 'handover/'

export function createHandovers(deps: {
  records: Records
  devices: Pick<Devices, 'all'>
  incidents: () => Array<IncidentState & { number: string }>
  now_ms: () => number
}): Handovers {
  const { records, devices } = deps
  const sheets = jsonRecord(records, HandoverSheet)
  const keyOf = (number: number) => `${PREFIX}${String(number).padStart(8, '0')}`
  const now = () => new Date(deps.now_ms()).toISOString()

  function newest(): HandoverSheet | undefined {
    const key = records.keys(PREFIX).at(-1)
    return key === undefined ? undefined : sheets.get(key)
  }

  function draft(from: string | undefined) {
    const all = devices.all()
    return {
      ...(from === undefined ? {} : { from }),
      incidents: deps.incidents().flatMap(incidentLine).slice(0, LINES_MAX),
      devices: all.flatMap(brokenLine).slice(0, LINES_MAX),
      gates: all.flatMap(gateLine).slice(0, LINES_MAX),
    }
  }

  return {
    list: (count) =>
      records
        .keys(PREFIX)
        .slice(-count)
        .reverse()
        .flatMap((key) => sheets.get(key) ?? []),
    draft: () => draft(newest()?.to),
    async write(name, notes) {
      const last = newest()
      const isUnsigned = last !== undefined && last.incoming === undefined
      if (isUnsigned && last.outgoing.name !== name)
        throw caller(
          'HANDOVER_OPEN',
          `${last.outgoing.name} has written a sheet that nobody has taken over: sign it first`,
        )
      const number = isUnsigned ? last.number : (last?.number ?? 0) + 1
      const from = isUnsigned ? last.from : last?.to
      const sheet: HandoverSheet = { number, ...draft(from), to: now(), notes, outgoing: { name, at: now() } }
      await sheets.put(keyOf(number), sheet)
      const old = records.keys(PREFIX).slice(0, -SHEETS_MAX)
      for (const key of old) await records.put(key, new Uint8Array())
      return sheet
    },
    async sign(number, name, remark) {
      const sheet = sheets.get(keyOf(number))
      if (!sheet) throw caller('HANDOVER_UNKNOWN', `there is no sheet ${number}`)
      if (sheet.incoming) throw caller('HANDOVER_SIGNED', `${sheet.incoming.name} has signed sheet ${number} already`)
      if (sheet.outgoing.name === name)
        throw caller('HANDOVER_SAME_PERSON', 'whoever takes over signs with their own login, not whoever leaves')
      const signed = { ...sheet, incoming: { name, at: now() }, ...(remark === '' ? {} : { remark }) }
      await sheets.put(keyOf(number), signed)
      return signed
    },
  }
}

function incidentLine({ number, status, cause, since, place }: IncidentState & { number: string }): HandoverLine[] {
  if (!isOpen({ status })) return []
  return [{ what: `hub/incident/${number}`, status, detail: cause, since, ...(place ? { place } : {}) }]
}

function brokenLine(view: DeviceView): HandoverLine[] {
  const { availability } = view
  if (!availability || availability.status === 'online') return []
  return [lineOf(view, availability.status, { detail: availability.reason, since: availability.since })]
}

/** A mode that somebody set, a gate that is held open, an alarm or a fault that stands. */
function gateLine(view: DeviceView): HandoverLine[] {
  if (view.address.class !== 'access-gate') return []
  const state = (view.state ?? {}) as {
    mode?: string
    modeby?: string
    held?: boolean
    alarm?: string
    faults?: string[]
  }
  const told = [
    ...(state.modeby !== undefined && state.modeby !== 'schedule' ? [state.mode ?? ''] : []),
    ...(state.held ? ['held'] : []),
    ...(state.alarm !== undefined && state.alarm !== 'none' ? [state.alarm] : []),
    ...(state.faults ?? []),
  ]
  return told.map((status) => lineOf(view, status, {}))
}

function lineOf(view: DeviceView, status: string, more: { detail?: string | undefined; since?: string | undefined }) {
  const { gateway, class: kind, device } = view.address
  const place = view.meta?.place
  const line: HandoverLine = { what: `${gateway}/${kind}/${device}`, status }
  if (more.detail !== undefined) line.detail = more.detail
  if (more.since !== undefined) line.since = more.since
  if (place !== undefined) line.place = place
  return line
}

function caller(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}
