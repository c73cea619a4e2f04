import { expect, it } from 'vitest'
import { packOf } from './pack.ts'

const at = (wall_ms: number) => ({ wall_ms, monotonic_ms: 0 })

it('a pack says base, time and unit, and of what is not good how far and why', () => {
  const readings = [
    { name: 'temperature', unit: 'Cel', at: at(1_795_421_760_250), value: 21.1 + 0.2, quality: 'good' as const },
    {
      name: 'pm2.5',
      unit: 'ug/m3',
      at: at(1_795_421_700_000),
      value: 512,
      quality: 'suspect' as const,
      reason: 'spike' as const,
    },
    { name: 'uv', unit: '/', at: at(1_795_421_700_000), value: 3, quality: 'good' as const, share: 11 / 12 },
    { name: 'noise', unit: 'dB', at: at(1_795_421_700_000), quality: 'bad' as const, reason: 'bus-error' as const },
  ]
  expect(packOf('air-1/', readings)).toEqual([
    { bn: 'air-1/', bt: 1_795_421_700, n: 'temperature', u: 'Cel', t: 60.25, v: 21.3 },
    { n: 'pm2.5', u: 'ug/m3', v: 512, q: 'suspect', qr: 'spike' },
    { n: 'uv', u: '/', v: 3, qs: 0.917 },
    { n: 'noise', u: 'dB', vs: 'bus-error', q: 'bad', qr: 'bus-error' },
  ])
})
