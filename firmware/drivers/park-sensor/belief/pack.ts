import type { SenmlPack } from '../../../../hub/contract/senml.ts'
import type { Reading } from './telling.ts'

/**
 * Readings as one SenML pack (RFC 8428): base name and base time on the first record, then only what differs. Times are
 * seconds with ms; numbers keep seven digits, which is more than any sensor of a park has.
 * @param base_name ends in `/`, so that base and name join to `air-1/temperature`
 */
export function packOf(base_name: string, readings: readonly Reading[]): SenmlPack {
  const base_s = Math.floor(Math.min(...readings.map(({ at }) => at.wall_ms)) / 1000)
  return readings.map(({ name, unit, at, value, quality, reason, share }, index) => {
    const t = Math.round(at.wall_ms - base_s * 1000) / 1000
    return {
      ...(index === 0 ? { bn: base_name, bt: base_s } : {}),
      n: name,
      u: unit,
      ...(t === 0 ? {} : { t }),
      ...(value === undefined ? { vs: reason ?? quality } : { v: Number(value.toPrecision(7)) }),
      ...(quality === 'good' ? {} : { q: quality }),
      ...(reason === undefined ? {} : { qr: reason }),
      ...(share === undefined || share === 1 ? {} : { qs: Number(share.toFixed(3)) }),
    }
  })
}
