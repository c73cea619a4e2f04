import { language } from './words.ts'

/** Dates, durations and numbers as the reader's language writes them. */

const locale = () => (language.value === 'zh' ? 'zh-CN' : 'en-GB')

const made = new Map<string, Intl.DateTimeFormat>()
function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale() + JSON.stringify(options)
  const known = made.get(key) ?? new Intl.DateTimeFormat(locale(), { hourCycle: 'h23', ...options })
  made.set(key, known)
  return known
}

export function clock(at: string | number): string {
  return formatter({ hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(at))
}

export function day(at: string | number): string {
  return formatter({ month: 'long', day: 'numeric', weekday: 'short' }).format(new Date(at))
}

/** Time alone for today, with the date before. */
export function moment(at: string | number, now_ms: number): string {
  const isToday = new Date(at).toDateString() === new Date(now_ms).toDateString()
  return isToday
    ? clock(at)
    : formatter({ month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

export function full(at: string | number): string {
  return formatter({ year: 'numeric', month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' }).format(
    new Date(at),
  )
}

/** To the second: which of two came first. */
export function exact(at: string | number): string {
  return formatter({ dateStyle: 'short', timeStyle: 'medium' }).format(new Date(at))
}

export function number(value: number, digits = 1): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value)
}

export function share(value: number): string {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 1 }).format(value)
}

/** `3 分 20 秒`: at most two units. */
export function lasting(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const parts: Array<[number, 'day' | 'hour' | 'minute' | 'second']> = [
    [Math.floor(s / 86_400), 'day'],
    [Math.floor(s / 3_600) % 24, 'hour'],
    [Math.floor(s / 60) % 60, 'minute'],
    [s % 60, 'second'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  const shown = first < 0 ? [parts[3] as [number, 'second']] : parts.slice(first, first + 2)
  return shown
    .filter(([count], index) => count > 0 || index === 0)
    .map(([count, unit]) =>
      new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'short' }).format(count),
    )
    .join(' ')
}

/** SenML units (RFC 8428 §12.1) as people write them. */
const UNITS: Readonly<Record<string, string>> = {
  Cel: '°C',
  '%RH': '%',
  '/': '',
  '%': '%',
  'ug/m3': 'µg/m³',
  'mg/m3': 'mg/m³',
  lx: 'lx',
  dB: 'dB',
  mm: 'mm',
  count: '',
  'm/s': 'm/s',
  deg: '°',
}
export function unit(senml: string): string {
  return UNITS[senml] ?? senml
}
