import { type Decoded, LinliError } from '../../../../hub/contract/errors.ts'
import { parseJsonText } from '../../../../hub/contract/json-text.ts'
import { checker } from '../../../../hub/contract/schema.ts'
import type { RegisterTable } from '../../../ports/register-bus.ts'
import type { Quantity } from '../quantity.ts'
import { bitsOf, type Field, limitsOf, placesOf } from './field.ts'
import { knownQuantity } from './known.ts'
import { ProfileFile, type QuantityEntry } from './schema.ts'

/** Text of a profile file → profile. Whatever is wrong with it is told with file, line and field. */

export interface PlacedField extends Field {
  table: RegisterTable
  address: number
}

export interface ProfileQuantity {
  quantity: Quantity
  field: PlacedField
  /** Value = number × scale + offset. Counters are told in counts: their scale is in `quantity.counter.step`. */
  scale: number
  offset: number
  none: readonly number[]
}

export type Profile = Omit<ProfileFile, 'quantities'> & { quantities: readonly ProfileQuantity[] }

const CODE = 'PROFILE_INVALID'
const check = checker(ProfileFile, CODE)

/** A field by its JSON pointer, and what is wrong with it. */
interface Objection {
  path: string
  message: string
}

/** @param file for the error; it is not opened */
export function loadProfile(text: string, file: string): Decoded<Profile> {
  const refuse = (line: number, message: string, path?: string) => ({
    ok: false as const,
    error: new LinliError(CODE, `${file}:${line}: ${message}`, {
      kind: 'caller',
      ...(path === undefined ? {} : { path }),
    }),
  })
  const json = parseJsonText(text)
  if (!json.ok) return refuse(json.line, `not valid JSON: ${json.what}`)
  const { value, lineOf } = json.value
  const checked = check(value)
  if (!checked.ok) {
    const path = checked.error.path ?? '/'
    return refuse(lineOf(path), checked.error.message, path)
  }
  const profile = checked.value
  const quantities: ProfileQuantity[] = []
  for (const [index, entry] of profile.quantities.entries()) {
    const made = makeQuantity(entry, `/quantities/${index}`)
    if ('message' in made) return refuse(lineOf(made.path), `${made.path} ${made.message}`, made.path)
    quantities.push(made)
  }
  const objection = objectionTo(profile, quantities)
  if (objection !== undefined)
    return refuse(lineOf(objection.path), `${objection.path} ${objection.message}`, objection.path)
  return { ok: true, value: { ...profile, quantities } }
}

function makeQuantity(entry: QuantityEntry, path: string): ProfileQuantity | Objection {
  const { table, address, type, order, bits, scale = 1, offset = 0, none = [] } = entry
  const known = knownQuantity(entry, path)
  if ('message' in known) return known
  const field = { table, address, type, ...(order ? { order } : {}), ...(bits ? { bits } : {}) }
  if (known.kind !== 'counter') return { quantity: known, field, scale, offset, none }
  if (type !== 'u16' && type !== 'u32') return { path: `${path}/type`, message: 'of a counter is u16 or u32' }
  if (bits !== undefined) return { path: `${path}/bits`, message: 'a counter has the whole register' }
  if (offset !== 0) return { path: `${path}/offset`, message: 'a counter has no offset: only its amounts are told' }
  if (scale <= 0) return { path: `${path}/scale`, message: 'of a counter is above 0' }
  const counter = { bits: type === 'u16' ? 16 : 32, step: scale } as const
  const range = entry.range ?? { min: 0, max: 2 ** counter.bits - 1 }
  return { quantity: { ...known, range, counter }, field, scale: 1, offset: 0, none }
}

function objectionTo(profile: ProfileFile, quantities: readonly ProfileQuantity[]): Objection | undefined {
  return (
    objectionToPlaces(profile) ??
    objectionToNames(profile, quantities) ??
    objectionToSettings(profile) ??
    objectionToEmpty(profile)
  )
}

function objectionToPlaces(profile: ProfileFile): Objection | undefined {
  for (const part of ['quantities', 'faults', 'settings', 'signs'] as const) {
    for (const [index, entry] of (profile[part] ?? []).entries()) {
      const objection = objectionToPlace(entry, `/${part}/${index}`)
      if (objection !== undefined) return objection
    }
  }
  const { coils } = profile
  if (coils !== undefined && coils.first + coils.count > 0x10000)
    return { path: '/coils/count', message: 'goes beyond address 65535' }
  return undefined
}

function objectionToPlace({ table, address, ...field }: PlacedField, path: string): Objection | undefined {
  const single = table === 'coil' || table === 'discrete'
  if (single !== (field.type === 'bit'))
    return {
      path: `${path}/type`,
      message: single ? `is ${field.type}; a ${table} is a bit` : `is bit; use bits of a u16 in the ${table} table`,
    }
  if (address + placesOf(field) > 0x10000) return { path: `${path}/address`, message: 'goes beyond address 65535' }
  if (field.bits === undefined) return undefined
  if (!field.type.startsWith('u')) return { path: `${path}/bits`, message: 'are parts of an unsigned number' }
  if (field.bits.from + field.bits.width > bitsOf(field))
    return { path: `${path}/bits`, message: `go beyond the ${bitsOf(field)} bits of a ${field.type}` }
  return undefined
}

function objectionToNames(profile: ProfileFile, quantities: readonly ProfileQuantity[]): Objection | undefined {
  const names = quantities.map(({ quantity }) => quantity.name)
  for (const [index, { quantity }] of quantities.entries()) {
    const path = `/quantities/${index}`
    if (names.indexOf(quantity.name) !== index)
      return { path: `${path}/name`, message: `is ${quantity.name}, which is there twice` }
    const { weight } = quantity.report
    if (profile.quantities[index]?.report?.weight !== undefined && !names.includes(weight ?? ''))
      return { path: `${path}/report/weight`, message: `is ${weight}; quantities: ${names.join(', ')}` }
    if (quantity.range.min >= quantity.range.max)
      return { path: `${path}/range`, message: 'has a max that is not above its min' }
  }
  for (const [index, { quantities: which = [] }] of (profile.faults ?? []).entries()) {
    const wrong = which.find((name) => !names.includes(name))
    if (wrong !== undefined)
      return { path: `/faults/${index}/quantities`, message: `has ${wrong}; quantities: ${names.join(', ')}` }
  }
  return undefined
}

function objectionToSettings({ settings = [] }: ProfileFile): Objection | undefined {
  const names = settings.map(({ name }) => name)
  for (const [index, { name, table, type, min, max, scale = 1, bits }] of settings.entries()) {
    const path = `/settings/${index}`
    if (names.indexOf(name) !== index) return { path: `${path}/name`, message: `is ${name}, which is there twice` }
    if (table === 'input' || table === 'discrete')
      return { path: `${path}/table`, message: `is ${table}, which cannot be written` }
    if (bits !== undefined) return { path: `${path}/bits`, message: 'cannot be written without their neighbours' }
    if (scale === 0) return { path: `${path}/scale`, message: 'is 0' }
    if (min > max) return { path: `${path}/max`, message: 'is below min' }
    const limits = limitsOf(type)
    if (Math.min(min / scale, max / scale) < limits.min || Math.max(min / scale, max / scale) > limits.max)
      return { path: `${path}/max`, message: `: ${min}…${max} does not fit a ${type}` }
  }
  return undefined
}

function objectionToEmpty({ quantities, coils }: ProfileFile): Objection | undefined {
  if (quantities.length > 0 || coils !== undefined) return undefined
  return { path: '/quantities', message: 'is empty, and there are no coils: the device would do nothing' }
}
