import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import { type AskedLine, isAnswer } from './line.ts'
import { recognise } from './recognise.ts'

/** Gives a unit another address: by its profile or a register that is named, checked before and proven after. */

export interface AddressChange {
  from: number
  to: number
  /** Of the unit; found out if neither this nor a register is named. */
  profile?: string
  register?: number
  /** The unit knows only the function for several registers (16). */
  multiple?: boolean
}

export type Outcome =
  | { ok: true; from: number; to: number; register: number }
  | { ok: false; reason: Refusal; detail?: string }
export type Refusal =
  | 'nobody-at-from'
  | 'somebody-at-to'
  | 'unreadable'
  | 'unknown-profile'
  | 'no-address-register'
  | 'not-recognised'
  | 'address-too-high'
  | 'refused'
  | 'two-at-from'
  | 'restart-needed'
  | 'lost'

/** Many units answer at their new address only when they have stored it. */
const PATIENCE_MS = 5000
const AGAIN_MS = 250

export async function setAddress(line: AskedLine, profiles: Profiles, change: AddressChange): Promise<Outcome> {
  const { from, to } = change
  const before = await whoIs(line, from)
  if (before === 'nobody') return { ok: false, reason: 'nobody-at-from' }
  // Two of one address would both move.
  if (before === 'unreadable') return { ok: false, reason: 'unreadable' }
  if ((await whoIs(line, to)) !== 'nobody') return { ok: false, reason: 'somebody-at-to' }
  const where = await registerOf(line, profiles, change)
  if ('ok' in where) return where
  const { register, multiple } = where
  const written = await line.bus.write(
    {
      unit: from,
      table: 'holding',
      address: register,
      values: [to],
      ...(multiple ? { multiple } : {}),
    },
    { expires_ms: AGAIN_MS },
  )
  if (!written.ok && written.code === 'BUS_EXCEPTION') return { ok: false, reason: 'refused', detail: written.message }
  // Whether the write was answered says little: some answer from the old address, some from the new one, some not at all.
  const until_ms = performance.now() + PATIENCE_MS
  while (performance.now() < until_ms) {
    const now = await whoIs(line, to)
    if (now === 'unreadable') return { ok: false, reason: 'unreadable' }
    if (now === 'one') {
      if ((await whoIs(line, from)) !== 'nobody') return { ok: false, reason: 'two-at-from' }
      return { ok: true, from, to, register }
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
  return { ok: false, reason: (await whoIs(line, from)) === 'nobody' ? 'lost' : 'restart-needed' }
}

async function whoIs(line: AskedLine, unit: number): Promise<'nobody' | 'one' | 'unreadable'> {
  let who: 'nobody' | 'unreadable' = 'nobody'
  for (const table of ['holding', 'input'] as const) {
    const result = await line.ask(unit, table, 0, 1)
    if (isAnswer(result)) return (await line.isDoubled(unit)) ? 'unreadable' : 'one'
    if (!result.ok && result.code === 'BUS_CORRUPT') who = 'unreadable'
  }
  return who
}

async function registerOf(
  line: AskedLine,
  profiles: Profiles,
  { from, to, profile: name, register, multiple }: AddressChange,
): Promise<{ register: number; multiple: boolean } | Extract<Outcome, { ok: false }>> {
  if (register !== undefined) return { register, multiple: multiple === true }
  const named = name === undefined ? undefined : profiles.get(name)
  if (name !== undefined && named === undefined)
    return { ok: false, reason: 'unknown-profile', detail: [...profiles.keys()].join(', ') }
  const candidates = named ? [named] : await recognise(line.ask, from, profiles)
  const settings = new Map(
    candidates.flatMap(({ addressSetting: one }) => (one ? [[`${one.address} ${one.multiple === true}`, one]] : [])),
  )
  const [setting] = settings.values()
  if (setting === undefined)
    return { ok: false, reason: candidates.length === 0 ? 'not-recognised' : 'no-address-register' }
  if (settings.size > 1)
    return { ok: false, reason: 'not-recognised', detail: candidates.map((one) => one.name).join(', ') }
  if (to > setting.max) return { ok: false, reason: 'address-too-high', detail: String(setting.max) }
  return { register: setting.address, multiple: multiple === true || setting.multiple === true }
}
