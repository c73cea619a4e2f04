import { LinliError } from '../contract/errors.ts'

/** Times for people and programs: ISO 8601 with the zone of the box (TZ), which stands where its estate is. */

/** E.g. `2026-11-23T12:20:16.000+08:00`. */
export function siteTime(t_ms: number): string {
  const offset_min = -new Date(t_ms).getTimezoneOffset()
  const local = new Date(t_ms + offset_min * 60_000).toISOString().slice(0, -1)
  const size = Math.abs(offset_min)
  const pad = (value: number) => String(value).padStart(2, '0')
  return `${local}${offset_min < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`
}

const INSTANT = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/

/**
 * A day or a moment; without a zone it is the site's. Throws HISTORY_QUERY.
 * @param path of the field, for the error
 */
export function parseInstant(text: string, path: string): number {
  // A plus in a query that was not encoded arrives as a space.
  const given = text
    .trim()
    .replace(/ (\d{2}:\d{2})$/, (_, zone: string) => (text.includes('T') ? `+${zone}` : ` ${zone}`))
  // A day alone would be UTC, by ECMAScript.
  const t_ms = INSTANT.test(given)
    ? Date.parse(given.length === 10 ? `${given}T00:00:00` : given.replace(' ', 'T'))
    : Number.NaN
  if (Number.isNaN(t_ms)) {
    throw new LinliError(
      'HISTORY_QUERY',
      `${path.slice(1)} is ${JSON.stringify(text)}; give a time like 2026-11-23T08:00:00+08:00, or a day`,
      {
        kind: 'caller',
        path,
      },
    )
  }
  return t_ms
}
