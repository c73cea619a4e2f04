import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CredentialsUpdate } from '../../hub/contract/credentials.ts'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  type Faults,
} from '../../hub/journal/test-support/crashing-folder.ts'
import { card, createTeller, KEY_ID } from './examples.ts'
import { createReplica, type Replica } from './replica.ts'

let disk: Disk
let faults: string[]
beforeEach(() => {
  disk = createDisk()
  faults = []
})
const open = (more: Faults = {}) =>
  createReplica({ folder: crashingFolder(disk, more), onFault: ({ code }) => faults.push(code) }, new Set([KEY_ID]))

async function tell(replica: Replica, updates: readonly CredentialsUpdate[]): Promise<string[]> {
  const applied = await Promise.all(updates.map((update) => replica.apply(update)))
  return applied.map((one) => (one.status === 'refused' ? one.code : one.status))
}

describe('the copy of a gateway', () => {
  it('asks for a snapshot at first, takes it in parts in any order and twice, and then only wants changes', async () => {
    const teller = createTeller()
    teller.change([1, 2, 3, 4, 5].map((number) => card(number)))
    const replica = await open()
    expect(replica.have()).toMatchObject({ version: 0, need: 'snapshot' })
    const [one, two, three] = teller.snapshot(3)
    if (!one || !two || !three) throw new Error('three parts were asked for')
    expect(await tell(replica, [three, one, one, two])).toEqual(['pending', 'pending', 'pending', 'applied'])
    expect(replica.have()).toEqual({ ...teller.position, need: 'changes' })
    expect(replica.store.get(card(5).id)).toEqual(card(5))
    expect(await tell(replica, [two])).toEqual(['known'])
  })

  it('is the same by deltas as by snapshots, over restarts', async () => {
    const step = fc.record({
      put: fc.uniqueArray(fc.nat(12), { maxLength: 4 }),
      gone: fc.uniqueArray(fc.nat(12), { maxLength: 3 }),
      gates: fc.constantFrom('door-1', 'door-2'),
      restart: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), fc.nat(4), async (steps, parts) => {
        disk = createDisk()
        const teller = createTeller()
        let byDeltas = await open()
        await tell(byDeltas, teller.snapshot())
        for (const { put, gone, gates, restart } of steps) {
          const ids = gone.filter((number) => !put.includes(number)).map((number) => card(number).id)
          expect(
            await tell(byDeltas, [
              teller.change(
                put.map((n) => card(n, { gates: [gates] })),
                ids,
              ),
            ]),
          ).toEqual(['applied'])
          if (!restart) continue
          disk = afterPowerCut(disk, () => 0)
          byDeltas = await open()
        }
        disk = createDisk()
        const bySnapshot = await open()
        await tell(bySnapshot, teller.snapshot(parts + 1))
        expect(byDeltas.have()).toEqual(bySnapshot.have())
        const sorted = (replica: Replica) => [...replica.store.all()].sort((a, b) => (a.id < b.id ? -1 : 1))
        expect(sorted(byDeltas)).toEqual(sorted(bySnapshot))
        expect(sorted(byDeltas)).toEqual([...teller.all.values()].sort((a, b) => (a.id < b.id ? -1 : 1)))
        expect(faults).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('finds a gap, asks for a snapshot, and goes on with what it has until then', async () => {
    const teller = createTeller()
    const replica = await open()
    await tell(replica, teller.snapshot())
    await tell(replica, [teller.change([card(1)])])
    const missed = teller.change([card(2)])
    const next = teller.change([card(3)])
    expect(await tell(replica, [next])).toEqual(['CREDENTIALS_GAP'])
    expect(replica.have()).toMatchObject({ version: 1, need: 'snapshot', code: 'CREDENTIALS_GAP' })
    expect(replica.store.get(card(1).id)).toEqual(card(1))
    expect(await tell(replica, teller.snapshot())).toEqual(['applied'])
    expect(replica.have()).toEqual({ ...teller.position, need: 'changes' })
    expect(await tell(replica, [missed])).toEqual(['CREDENTIALS_STALE'])
    expect(replica.have().need).toBe('changes')
  })

  it('takes nothing that is not what its digest says', async () => {
    const teller = createTeller()
    const replica = await open()
    await tell(replica, teller.snapshot())
    const delta = teller.change([card(1), card(2)])
    expect(await tell(replica, [{ ...delta, put: [card(1)] }])).toEqual(['CREDENTIALS_DIGEST'])
    expect(replica.store.count).toBe(0)
    const [part] = teller.snapshot()
    if (!part) throw new Error('one part was asked for')
    expect(await tell(replica, [{ ...part, put: [card(1), card(3)] }])).toEqual(['CREDENTIALS_DIGEST'])
    expect(await tell(replica, [{ ...part, put: [card(1)] }])).toEqual(['CREDENTIALS_DIGEST'])
    expect(replica.have()).toMatchObject({ version: 0, need: 'snapshot' })
    expect(await tell(replica, [part])).toEqual(['applied'])
  })

  it('goes back in versions only for a new epoch', async () => {
    const teller = createTeller()
    const replica = await open()
    teller.change([card(1)])
    const old = teller.snapshot()
    teller.change([], [card(1).id])
    await tell(replica, teller.snapshot())
    expect(await tell(replica, old)).toEqual(['CREDENTIALS_STALE'])
    const restored = createTeller(2)
    expect(await tell(replica, restored.snapshot())).toEqual(['applied'])
    expect(replica.have()).toEqual({ ...restored.position, need: 'changes' })
  })

  it('refuses the hashes of another key, and says so when its own files are of one', async () => {
    const teller = createTeller()
    const replica = await open()
    const [part] = teller.snapshot()
    if (!part) throw new Error('one part was asked for')
    expect(await tell(replica, [{ ...part, key: '12345678' }])).toEqual(['CREDENTIALS_KEY'])
    await tell(replica, [teller.snapshot()[0] ?? part, teller.change([card(1)])])
    const folder = crashingFolder(disk)
    const other = await createReplica({ folder, onFault: () => undefined }, new Set(['12345678']))
    expect(other.have()).toMatchObject({ version: 1, need: 'snapshot', code: 'CREDENTIALS_KEY' })
  })

  it('lets a revocation hold at once when the disk fails, and tells of it', async () => {
    let isBroken = false
    const before = (step: string) => {
      if (isBroken && !step.startsWith('sync names')) throw new Error('EIO')
    }
    const teller = createTeller()
    const replica = await open({ before })
    teller.change([card(1), card(2)])
    await tell(replica, teller.snapshot())
    isBroken = true
    const applied = await replica.apply(teller.change([], [card(1).id]))
    expect(applied).toEqual({ status: 'applied', isKept: false, gone: [card(1).id] })
    expect(replica.store.get(card(1).id)).toBeUndefined()
    expect(faults).toEqual(['CREDENTIALS_IO'])
    isBroken = false
    expect(await replica.apply(teller.change([card(3)]))).toMatchObject({ isKept: true })
    disk = afterPowerCut(disk, () => 0)
    expect((await open()).have()).toEqual({ ...teller.position, need: 'changes' })
  })

  it('writes the whole anew before the changes become too many to read', async () => {
    const teller = createTeller()
    const replica = await open()
    await tell(replica, teller.snapshot())
    const gates = Array.from({ length: 64 }, (_, at) => `door-${'x'.repeat(30)}-${at}`)
    for (let round = 0; round < 60; round++) {
      const put = Array.from({ length: 15 }, (_, at) => card(at, { gates: [...gates.slice(1), `round-${round}`] }))
      expect(await tell(replica, [teller.change(put)])).toEqual(['applied'])
    }
    const sizes = [...disk.names].map(([name, { content }]) => [name.slice(0, 7), content.length] as const)
    for (const [name, bytes] of sizes) if (name === 'changes') expect(bytes).toBeLessThanOrEqual(1024 * 1024)
    expect(disk.names.has('snapshot.last-good')).toBe(true)
    expect((await open()).have()).toEqual({ ...teller.position, need: 'changes' })
  })

  it('lets no more wait than it can hold', async () => {
    const teller = createTeller()
    const replica = await open()
    const results = await tell(replica, Array.from({ length: 70 }, () => teller.snapshot()).flat())
    expect(results.filter((one) => one === 'CREDENTIALS_BUSY')).toHaveLength(6)
    expect(replica.have().need).toBe('changes')
  })
})
