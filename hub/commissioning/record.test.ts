import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AuditEntry } from '../audit/chain.ts'
import { type Authority, openAuthority } from '../authority/authority.ts'
import { atCommissioning, type CommissionDesk, commissionRequest } from './counter.ts'
import { type Brought, formatSigned, readSigned, recordHash, type SignedRecord } from './record.ts'

const brought: Brought = {
  by: '李伟',
  startedat: '2026-11-30T08:00:00.000Z',
  devices: [
    {
      gateway: 'gw-1',
      device: 'b1',
      kind: 'alarm-button',
      place: { building: '3 号楼' },
      outcome: 'pass',
      at: '2026-11-30T08:01:00.000Z',
      tries: 1,
      checks: [
        { check: 'press', outcome: 'pass', at: '2026-11-30T08:01:00.000Z', measured: { upstream_ms: { city: 12 } } },
      ],
    },
    { gateway: 'gw-1', device: 'b2', kind: 'alarm-button', place: {}, outcome: 'open', tries: 0, checks: [] },
  ],
}

describe('an acceptance record', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-record-'))
  const lines: AuditEntry[] = []
  let authority: Authority
  let room: CommissionDesk
  let signed: SignedRecord
  beforeAll(async () => {
    authority = await openAuthority(dir, { site: 's/c/e', hosts: [], now_ms: Date.now() })
    room = {
      site: { street: 's', community: 'c', estate: 'e' },
      name: 'hub-1',
      version: '0.1.0',
      watch: { heard() {}, acknowledged() {}, begin: () => 0, next: async () => [] },
      devices: { get: () => undefined, all: () => [], gatewayOnline: () => true },
      desk: { send: vi.fn() },
      upstreams: { reports: () => [], names: () => ['city'] },
      audit: { record: async (line) => void lines.push(line) as never },
      authority,
      timeQuality: () => 'synced',
      now_ms: () => Date.parse('2026-11-30T09:00:00.000Z'),
      newId: () => 'id-1',
    }
    const answer = await atCommissioning(room, { type: 'commission-sign', brought })
    if (answer.type !== 'commission-sign') throw new Error(answer.type)
    signed = answer.signed
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  it('is signed with what the hub itself knows, and in the audit log', () => {
    expect(signed.record).toMatchObject({ site: 's/c/e', upstreams: ['city'], signedat: '2026-11-30T09:00:00.000Z' })
    expect(readSigned(Buffer.from(formatSigned(signed)))).toEqual({ ok: true, value: signed })
    expect(lines).toMatchObject([
      {
        action: 'commissioned',
        actor: 'installer:李伟',
        detail: { sha256: recordHash(signed.record), passed: 1, open: 1 },
      },
    ])
  })

  it('holds no more when anything in it is changed', () => {
    const bytes = Buffer.from(formatSigned(signed))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ by
        const read = readSigned(changed)
        // White space between the parts, and bits that base64 ignores, say nothing.
        if (read.ok) expect(read.value.record).toEqual(signed.record)
        else expect(read.error.code).toMatch(/RECORD|PAYLOAD/)
      }),
      { numRuns: 300 },
    )
  })

  it('is not signed by a hub without a key, nor with fields of somebody’s own', async () => {
    await expect(
      atCommissioning({ ...room, authority: undefined }, { type: 'commission-sign', brought }),
    ).rejects.toMatchObject({ code: 'COMMISSION_UNSIGNED' })
    expect(() => commissionRequest({ type: 'commission-sign', brought: { ...brought, site: 'x/y/z' } })).toThrow(/site/)
    expect(commissionRequest({ type: 'site-read' })).toBeUndefined()
  })

  it('knows when the gateway accepted a command, also when that is on disk later than the end is known', async () => {
    const device = { gateway: 'gw-1', class: 'alarm-button', device: 'b1' } as const
    const result = (status: 'accepted' | 'succeeded', number: number) => ({
      type: 'result' as const,
      number,
      at_ms: 1_000 + number,
      result: { id: 'id-1', name: 'lamp', status, at: '1970-01-01T00:00:05.000Z' },
    })
    const pages = [
      [{ type: 'state' as const, state: {}, number: 1, at_ms: 1 }],
      [result('accepted', 2), result('succeeded', 3)],
    ]
    const watch = { ...room.watch, next: async () => pages.shift() ?? [] }
    const desk = { send: async () => result('succeeded', 0).result }
    const asked = { type: 'commission-command', ...device, name: 'lamp', args: { on: true }, by: 'x' } as const
    expect(await atCommissioning({ ...room, watch, desk }, asked)).toMatchObject({
      clocks: { gateway_ms: 5_000, received_ms: 1_002 },
    })
    expect(await atCommissioning({ ...room, desk }, asked)).not.toHaveProperty('clocks')
  })

  it.each(['set-mode', 'release-all', 'unlock', 'configure'])('never comes of the command %s', async (name) => {
    const device = { gateway: 'gw-1', class: 'access-gate', device: 'd1' } as const
    await expect(
      atCommissioning(room, { type: 'commission-command', ...device, name, args: {}, by: 'x' }),
    ).rejects.toMatchObject({ code: 'COMMAND_UNKNOWN' })
    expect(room.desk.send).not.toHaveBeenCalled()
  })
})
