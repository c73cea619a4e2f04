/** What calendar and clock on the wall of a place show. `Intl` would do, and keeps 6 MB of its tables in memory. */
export function localDate(wall_ms: number, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(wall_ms).toZonedDateTimeISO(timeZone)
}
