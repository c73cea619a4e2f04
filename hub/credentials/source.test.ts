import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  type Credential,
  type CredentialsHave,
  type CredentialsUpdate,
  checkUpdate,
  credentialId,
  keyId,
  PART_BYTES_MAX,
  SetDigest,
  textOf,
} from '../contract/credentials.ts'
import { encodeJson } from '../contract/encode.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import { CREDENTIAL_LANE } from './entries.ts'
import { type CredentialSource, createCredentialSource } from './source.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, at) => at)
const key = keyId(KEY)
const NOW_S = 1_800_000_000
const EMPTY = new SetDigest().hex

let journal: ReturnType<typeof createMemoryDisk>
let log: Awaited<ReturnType<typeof openMemoryLog>>
let source: CredentialSource
let faults: string[]

async function start(): Promise<void> {
  log = await openMemoryLog(journal, { lanes: [CREDENTIAL_LANE] })
  source = await createCredentialSource({ log, now_s: () => NOW_S, onFault: ({ code }) => faults.push(code) }, { key })
}

async function restart(): Promise<void> {
  log.kill()
  journal.isOpen = false
  await start()
}

beforeEach(async () => {
  journal = createMemoryDisk()
  faults = []
  await start()
})

const card = (number: number, more: Partial<Credential> = {}): Credential => ({
  id: credentialId(KEY, 'card', `${number}`),
  kind: 'card',
  class: 'resident',
  gates: ['door-1'],
  antipassback: 'none',
  ...more,
})
const cards = (count: number) => Array.from({ length: count }, (_, number) => card(number))

/** A gateway of a few lines: takes what fits, as the contract says, and throws at what does not. */
function createGateway() {
  const all = new Map<string, string>()
  let coming = new Map<string, string>()
  let have: CredentialsHave = { key, epoch: 0, version: 0, digest: EMPTY, need: 'snapshot' }
  const digestOf = (texts: Iterable<string>) => {
    const digest = new SetDigest()
    for (const text of texts) digest.toggle(text)
    return digest.hex
  }
  function take(update: CredentialsUpdate): void {
    expect(checkUpdate(update)).toEqual({ ok: true, value: update })
    expect(encodeJson(update).length).toBeLessThanOrEqual(PART_BYTES_MAX)
    const { epoch, version, digest } = update
    if (update.type === 'delta') {
      expect([update.epoch, update.from, update.fromdigest]).toEqual([have.epoch, have.version, have.digest])
      expect(version).toBeGreaterThan(have.version)
      for (const id of update.gone) all.delete(id)
      for (const one of update.put) all.set(one.id, textOf(one))
    } else {
      const isOlder = epoch === have.epoch ? version < have.version : epoch < have.epoch
      expect(isOlder, 'a gateway takes nothing older than what it has').toBe(false)
      for (const one of update.put) coming.set(one.id, textOf(one))
      if (update.part < update.parts) return
      expect(coming.size).toBe(update.count)
      all.clear()
      for (const [id, text] of coming) all.set(id, text)
      coming = new Map()
    }
    expect(digestOf(all.values())).toBe(digest)
    have = { key, epoch, version, digest, need: 'changes' }
  }
  return {
    all,
    get have() {
      return have
    },
    set have(value) {
      have = value
    },
    async sync(gates = ['door-1']): Promise<string[]> {
      const told: string[] = []
      for (const update of await source.answer('gw-1', gates, have)) {
        take(update)
        told.push(update.type)
      }
      return told
    },
  }
}

describe('the source of credentials', () => {
  it('tells a new gateway everything, then only what changed, then nothing', async () => {
    await source.change({ put: cards(3) })
    const gateway = createGateway()
    expect(await gateway.sync()).toEqual(['snapshot'])
    expect(await gateway.sync()).toEqual([])
    await source.change({ put: [card(1, { class: 'staff' })], gone: [card(2).id] })
    expect(await gateway.sync()).toEqual(['delta'])
    expect([...gateway.all.values()].sort()).toEqual([textOf(card(0)), textOf(card(1, { class: 'staff' }))].sort())
    expect(await gateway.sync()).toEqual([])
  })

  it('tells an empty estate as well', async () => {
    const gateway = createGateway()
    expect(await gateway.sync()).toEqual(['snapshot'])
    expect(gateway.have.need).toBe('changes')
  })

  it('leads to the same by any way: snapshots, deltas, restarts of the hub, other gates', async () => {
    const step = fc.record({
      put: fc.uniqueArray(fc.nat(9), { maxLength: 5 }),
      gone: fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
      gates: fc.subarray(['door-1', 'door-2', 'boom-1'], { minLength: 1 }),
      next: fc.constantFrom('sync', 'sync', 'nothing', 'restart', 'other gates'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async (steps) => {
        journal = createMemoryDisk()
        faults = []
        await start()
        const gateway = createGateway()
        let gates = ['door-1']
        for (const { put, gone, gates: rights, next } of steps) {
          await source.change({ put: put.map((n) => card(n, { gates: rights })), gone: gone.map((n) => card(n).id) })
          if (next === 'restart') await restart()
          if (next === 'other gates') gates = gates.includes('door-1') ? ['boom-1'] : ['door-1', 'door-2']
          if (next === 'sync') await gateway.sync(gates)
        }
        await gateway.sync(gates)
        const visible = Array.from({ length: 10 }, (_, n) => source.get(card(n).id))
          .filter((one) => one?.gates.some((gate) => gates.includes(gate)))
          .map((one) => textOf(one as Credential))
        expect([...gateway.all.values()].sort()).toEqual(visible.sort())
        expect(faults).toEqual([])
      }),
      { numRuns: 80 },
    )
  })

  it('tells a gateway of its own gates only', async () => {
    await source.change({ put: [card(1), card(2, { gates: ['door-2'] }), card(3, { gates: ['*'] })] })
    const gateway = createGateway()
    await gateway.sync(['door-2'])
    expect([...gateway.all.keys()].sort()).toEqual([card(2).id, card(3).id].sort())
    await source.change({ put: [card(4)] })
    expect(await gateway.sync(['door-2'])).toEqual([])
    await source.change({ put: [card(2)] })
    expect(await gateway.sync(['door-2'])).toEqual(['delta'])
    expect([...gateway.all.keys()]).toEqual([card(3).id])
  })

  it('cuts what is large into messages that fit', async () => {
    const gates = Array.from({ length: 40 }, (_, at) => `door-${at}`)
    const gateway = createGateway()
    await gateway.sync(gates)
    await source.change({ put: Array.from({ length: 900 }, (_, at) => card(at, { gates })) })
    const told = await gateway.sync(gates)
    expect(new Set(told)).toEqual(new Set(['delta']))
    expect(told.length).toBeGreaterThan(5)
    await source.change({ gone: Array.from({ length: 900 }, (_, at) => card(at).id) })
    gateway.have = { ...gateway.have, need: 'snapshot' }
    expect(await gateway.sync(gates)).toEqual(['snapshot'])
  })

  it('tells everything anew when a gateway has missed too much, or has something of its own', async () => {
    const gateway = createGateway()
    await gateway.sync()
    await source.change({ put: cards(2500) })
    expect(new Set(await gateway.sync())).toEqual(new Set(['snapshot']))
    await source.change({ put: [card(1, { class: 'staff' })] })
    gateway.have = { ...gateway.have, digest: '1'.repeat(64), need: 'changes' }
    expect(new Set(await gateway.sync())).toEqual(new Set(['snapshot']))
  })

  it('begins a new epoch when a gateway is ahead of it, and says so', async () => {
    await source.change({ put: cards(2) })
    const gateway = createGateway()
    await gateway.sync()
    // A backup is put back, from before there were any cards.
    log.kill()
    journal = createMemoryDisk()
    await start()
    expect(source.epoch).toBe(NOW_S)
    expect(await gateway.sync()).toEqual(['snapshot'])
    expect(source.epoch).toBe(NOW_S + 1)
    expect([gateway.all.size, faults]).toEqual([0, ['CREDENTIALS_STALE']])
    await restart()
    expect(source.epoch).toBe(NOW_S + 1)
    expect(await gateway.sync()).toEqual([])
  })

  it('does not let one mad gateway use up the epochs', async () => {
    const have: CredentialsHave = { key, epoch: 2 ** 50, version: 1, digest: EMPTY, need: 'changes' }
    await expect(source.answer('gw-1', ['door-1'], have)).rejects.toMatchObject({ code: 'CREDENTIALS_STALE' })
    expect(source.epoch).toBe(NOW_S)
  })

  it('has what it acknowledged after a power cut, under the same version', async () => {
    const version = await source.change({ put: cards(3), gone: [] })
    await restart()
    expect([source.count, source.version]).toEqual([3, version])
    await source.change({ gone: [card(0).id] })
    const after = source.version
    await restart()
    expect([source.count, source.version]).toEqual([2, after])
    expect(source.get(card(0).id)).toBeUndefined()
  })

  it('tells nobody what is not on disk, and stays usable', async () => {
    const gateway = createGateway()
    await gateway.sync()
    journal.failures = 1
    await expect(source.change({ put: [card(1)] })).rejects.toMatchObject({ code: 'JOURNAL_IO' })
    expect([source.count, await gateway.sync()]).toEqual([0, []])
    await source.change({ put: [card(1)] })
    expect([source.count, await gateway.sync()]).toEqual([1, ['delta']])
  })

  it('refuses what is wrong by the name of the field, and changes nothing', async () => {
    const wrong = { ...card(2), gates: [] }
    await expect(source.change({ put: [card(1), wrong] })).rejects.toMatchObject({
      code: 'SCHEMA_VIOLATION',
      path: '/gates',
    })
    expect(source.count).toBe(0)
  })

  it('reports an entry that cannot be read, and goes on without it', async () => {
    await source.change({ put: cards(2) })
    const payload = encodeJson({ ...card(1), class: 'king' })
    await log.append({ lane: CREDENTIAL_LANE.name, topic: CREDENTIAL_LANE.name, key: card(1).id, payload, time_ms: 0 })
    await restart()
    expect([source.count, faults]).toEqual([1, ['CREDENTIALS_DAMAGED']])
  })

  it('calls those who listen after a change, and not for none', async () => {
    let heard = 0
    const stop = source.onChange(() => heard++)
    await source.change({ put: cards(2) })
    await source.change({ put: cards(2) })
    expect(heard).toBe(1)
    stop()
    await source.change({ gone: [card(1).id] })
    expect(heard).toBe(1)
  })
})
