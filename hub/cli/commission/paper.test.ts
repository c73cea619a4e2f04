import { describe, expect, it } from 'vitest'
import { makeAuthority } from '../../authority/certificates.ts'
import { type AcceptanceRecord, type DeviceOutcome, recordHash } from '../../commissioning/record.ts'
import { openPrintFont } from '../../print/font.ts'
import { hashUri, recordPages } from './paper.ts'

const at = '2026-11-30T08:01:00.000Z'

function device(number: number): DeviceOutcome {
  return {
    gateway: 'gw-1',
    device: `b${number}`,
    kind: 'alarm-button',
    place: { building: '3 号楼', label: `${'很长的名字'.repeat(8)} 😀 ${number}` },
    outcome: number % 3 === 0 ? 'fail' : 'pass',
    at,
    tries: 1,
    note: 'a note that goes on and on, '.repeat(10),
    checks: [
      {
        check: 'press',
        outcome: 'pass',
        at,
        measured: { edgeToHub_ms: 21, edgeToHub_uncertainty_ms: 4, upstream_ms: { city: 9, 'fire-brigade': 12 } },
      },
      {
        check: 'change',
        outcome: 'pass',
        at,
        measured: { quantity: 'temperature', unit: 'Cel', before: 25.66, after: 28.7 },
      },
      { check: 'lamp', outcome: 'fail', at, reason: 'BOARD_ABSENT' },
    ],
  }
}

describe('the acceptance record on paper', () => {
  it('has every device whole, on as many pages as it takes, and nothing beyond their edges', async () => {
    const record: AcceptanceRecord = {
      type: 'linli-acceptance-record',
      version: 1,
      site: 's/c/e',
      hub: { name: 'hub-1', version: '0.1.0' },
      gateways: [{ gateway: 'gw-1', version: '0.1.0' }],
      upstreams: ['city', 'fire-brigade'],
      signedat: at,
      timequality: 'synced',
      by: '李伟',
      startedat: at,
      devices: Array.from({ length: 60 }, (_, number) => device(number)),
    }
    const { certificate } = await makeAuthority('s/c/e', Date.now(), Date.now() + 1e9)
    const font = openPrintFont()
    const pages = recordPages(font, { record, signature: '', certificate })
    const texts = pages.flatMap(({ marks }) => marks.filter((mark) => mark.type === 'text'))
    for (const { text, x, y, size } of texts) {
      font.check(text, text)
      expect(x + font.width(text, size), text).toBeLessThanOrEqual(210 - 10)
      expect(y).toBeLessThanOrEqual(297 - 8)
    }
    const all = texts.map(({ text }) => text)
    for (const { device: id } of record.devices) expect(all).toContain(`gw-1/${id}`)
    expect(pages.length).toBeGreaterThan(5)
    expect(all).toEqual(
      expect.arrayContaining([
        `SHA-256: ${recordHash(record)}`,
        '× 灯命令: BOARD_ABSENT',
        `${pages.length} / ${pages.length}`,
      ]),
    )
    expect(all.join(' ')).toContain('temperature 25.66 → 28.7 °C')
    expect(all.join('')).toContain('[U+1F600]')
    expect(hashUri(record)).toBe(`linli://acceptance/sha256/${recordHash(record)}`)
  })
})
