import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CredentialsDelta } from '../../hub/contract/credentials.ts'
import { type Folder, openFolder } from '../../hub/journal/folder.ts'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  type Faults,
  PowerCut,
} from '../../hub/journal/test-support/crashing-folder.ts'
import { applyDelta } from './delta.ts'
import { card, createTeller } from './examples.ts'
import { NOWHERE, type Position, positionOf } from './position.ts'
import { type CredentialStore, createCredentialStore } from './store.ts'
import { createVault } from './vault.ts'

type Save = { delta: CredentialsDelta } | { snapshot: Position }

/** What a gateway is told over its life: snapshots, changes behind them, and snapshots again. */
function story(): Array<{ save: Save; position: Position; cards: Set<number> }> {
  const teller = createTeller()
  const cards = new Set<number>()
  return [
    ...['snapshot', '+1', '+2', '-1', 'snapshot', '+3', '-2', 'snapshot', '+4', 'snapshot', 'snapshot', '+5', '+6'],
  ].map((what) => {
    const number = Number(what.slice(1))
    if (what === 'snapshot') {
      // Two at a time, so that a snapshot is a new version as well.
      cards.add(100 + cards.size)
      teller.change([card(100 + cards.size - 1)])
      return { save: { snapshot: teller.position }, position: teller.position, cards: new Set(cards) }
    }
    if (what.startsWith('+')) cards.add(number)
    else cards.delete(number)
    const delta = what.startsWith('+') ? teller.change([card(number)]) : teller.change([], [card(number).id])
    return { save: { delta }, position: teller.position, cards: new Set(cards) }
  })
}

function storeOf(cards: Iterable<number>): CredentialStore {
  const store = createCredentialStore()
  for (const number of cards) store.put(card(number))
  return store
}

const STORY = story()

/** Lives through the story until the power is cut, and says how far it was acknowledged. */
async function live(folder: Folder, progress: { kept: number; begun: number }, from = 0): Promise<void> {
  const vault = createVault(folder, () => undefined)
  const { store } = await vault.load()
  let here = store
  for (const [at, { save, position, cards }] of STORY.entries()) {
    if (at < from) continue
    progress.begun = at
    if ('snapshot' in save) {
      here = storeOf(cards)
      await vault.saveSnapshot(position, here)
    } else {
      applyDelta(save.delta, here)
      await vault.saveDelta(save.delta, () => here)
    }
    progress.kept = at
  }
}

function atOf(position: Position): number {
  return STORY.findIndex((step) => step.position.version === position.version)
}

/** Cuts at one step; says what is wrong afterwards, if anything. */
async function cutAt(cut: number, random: () => number, faults: Faults = {}): Promise<string | undefined> {
  const disk = createDisk()
  const progress = { kept: -1, begun: -1 }
  let steps = 0
  const folder = crashingFolder(disk, {
    ...faults,
    before() {
      if (steps++ >= cut) throw new PowerCut()
    },
  })
  await live(folder, progress).catch((error) => {
    if (!((error as Error).cause instanceof PowerCut) && !(error instanceof PowerCut)) throw error
  })
  return whatIsWrong(afterPowerCut(disk, random), progress)
}

async function whatIsWrong(disk: Disk, { kept, begun }: { kept: number; begun: number }): Promise<string | undefined> {
  const folder = crashingFolder(disk)
  const { position, store } = await createVault(folder, () => undefined).load()
  const at = atOf(position)
  if (position.version === 0) return kept < 0 ? undefined : `everything is lost although ${kept} was kept`
  if (at < kept || at > begun) return `step ${at} was found; kept was ${kept}, begun ${begun}`
  if (store.digest !== storeOf(STORY[at]?.cards ?? []).digest) return `step ${at} is not what it was`
  if (store.digest !== position.digest) return 'the digest is that of something else'
  // And life goes on from there, over another start.
  await live(folder, { kept: -1, begun: -1 }, at + 1)
  const end = await createVault(folder, () => undefined).load()
  return atOf(end.position) === STORY.length - 1 ? undefined : `it stopped at step ${atOf(end.position)}`
}

async function stepsOf(): Promise<number> {
  let steps = 0
  await live(crashingFolder(createDisk(), { before: () => steps++ }), { kept: -1, begun: -1 })
  return steps
}

describe('power cuts', () => {
  it('at every step of every write lose nothing that was kept, and invent nothing', async () => {
    const steps = await stepsOf()
    expect(steps).toBeGreaterThan(60)
    for (let cut = 0; cut <= steps; cut++) {
      for (const fixed of [0, 0.999]) expect(await cutAt(cut, () => fixed), `cut before step ${cut}`).toBeUndefined()
    }
    const cuts = fc.record({
      cut: fc.nat(steps),
      seen: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 8, maxLength: 8 }),
    })
    await fc.assert(
      fc.asyncProperty(cuts, async ({ cut, seen }) => {
        let at = 0
        expect(await cutAt(cut, () => seen[at++ % seen.length] ?? 0)).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('would be found out by this test if nothing were synced', async () => {
    const steps = await stepsOf()
    const found = new Set<string>()
    for (let cut = 0; cut <= steps; cut++) found.add((await cutAt(cut, () => 0, { isLying: true })) ?? 'nothing')
    expect([...found].some((wrong) => wrong.startsWith('everything is lost'))).toBe(true)
  })
})

describe('damage', () => {
  let path: string
  let faults: string[]
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'linli-credentials-'))
    faults = []
  })
  afterEach(() => rm(path, { recursive: true }))
  const open = async () => createVault(await openFolder(join(path, 'made')), (fault) => faults.push(fault.code))
  const at = (name: string) => join(path, 'made', name)

  async function lived() {
    await live(await openFolder(join(path, 'made')), { kept: -1, begun: -1 })
    return STORY.at(-1)?.position
  }

  it('is nowhere after an ordinary life, on a real disk, for its owner only', async () => {
    const last = await lived()
    expect(positionOf((await (await open()).load()).position)).toEqual(last)
    expect(faults).toEqual([])
    expect((await stat(at('snapshot'))).mode & 0o077).toBe(0)
    // The newest, the one before, and what changed since: nothing piles up.
    const names = (await readdir(join(path, 'made'))).map((name) => name.replace(/^changes-.*/, 'changes'))
    expect(names.sort()).toEqual(['changes', 'snapshot', 'snapshot.last-good'])
  })

  it.each([
    ['emptied', () => Buffer.alloc(0)],
    ['cut off', (content: Buffer) => content.subarray(0, content.length - 9)],
    ['cut off at a line', (content: Buffer) => content.subarray(0, content.lastIndexOf(0x0a, content.length - 2) + 1)],
    ['full of zeros', (content: Buffer) => Buffer.alloc(content.length)],
    ['somebody else’s', () => Buffer.from('{"a":1}\n{"b":2}\n')],
  ])('of a snapshot that is %s: the last good one holds, and it is told', async (_name, damage) => {
    await lived()
    await writeFile(at('snapshot'), damage(await readFile(at('snapshot'))))
    const found = await (await open()).load()
    const before = STORY.filter(({ save }) => 'snapshot' in save).at(-2)
    expect(found.position).toEqual(before?.position)
    expect(found.store.digest).toBe(before?.position.digest)
    expect(faults).toEqual(['CREDENTIALS_DAMAGED'])
    expect(await readdir(join(path, 'made'))).toContain('snapshot.damaged')
    faults = []
    expect((await (await open()).load()).position).toEqual(before?.position)
    expect(faults).toEqual([])
  })

  it('of a snapshot leaves the one before it with all the changes behind it', async () => {
    const folder = await openFolder(join(path, 'made'))
    const vault = createVault(folder, () => undefined)
    const { store } = await vault.load()
    const teller = createTeller()
    await vault.saveSnapshot(teller.position, store)
    const delta = teller.change([card(1)])
    applyDelta(delta, store)
    await vault.saveDelta(delta, () => store)
    const before = teller.position
    applyDelta(teller.change([card(2)]), store)
    await vault.saveSnapshot(teller.position, store)
    await writeFile(at('snapshot'), '')
    expect((await (await open()).load()).position).toEqual(before)
  })

  it('of any byte of the snapshot is found', async () => {
    await lived()
    const whole = await readFile(at('snapshot'))
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (byte, change) => {
        const damaged = Buffer.from(whole)
        damaged[byte] = (damaged[byte] ?? 0) ^ change
        const disk = createDisk()
        disk.names.set('snapshot', { synced: damaged, content: damaged })
        const found = await createVault(crashingFolder(disk), (fault) => faults.push(fault.code)).load()
        expect(found.position).toEqual(NOWHERE)
      }),
    )
  })

  it('of a change: what was before it holds, and the next change writes everything anew', async () => {
    await lived()
    const [name = ''] = (await readdir(join(path, 'made'))).filter((one) => one.startsWith('changes'))
    const lines = (await readFile(at(name), 'utf8')).split('\n')
    await writeFile(at(name), [lines[0], `${lines[1]?.slice(0, 40)}#${lines[1]?.slice(41)}`, ''].join('\n'))
    const vault = await open()
    const found = await vault.load()
    expect(atOf(found.position)).toBe(STORY.length - 2)
    expect(faults).toEqual(['CREDENTIALS_DAMAGED'])
    const last = STORY.at(-1)
    if (!last || !('delta' in last.save)) throw new Error('the story ends with a change')
    applyDelta(last.save.delta, found.store)
    await vault.saveDelta(last.save.delta, () => found.store)
    faults = []
    expect((await (await open()).load()).position).toEqual(last.position)
    expect(faults).toEqual([])
  })

  it('of both snapshots leaves nobody in, which is told', async () => {
    await lived()
    for (const name of ['snapshot', 'snapshot.last-good']) await writeFile(at(name), 'nothing')
    const found = await (await open()).load()
    expect([found.position, found.store.count]).toEqual([NOWHERE, 0])
    expect(faults).toEqual(['CREDENTIALS_DAMAGED', 'CREDENTIALS_DAMAGED'])
  })
})

describe('a full disk', () => {
  it('is told, and the first change after it writes everything anew', async () => {
    const disk = createDisk()
    let isFull = false
    const folder = crashingFolder(disk, {
      before(step) {
        if (isFull && /^(write|append)/.test(step)) throw new Error('ENOSPC')
      },
    })
    const teller = createTeller()
    const vault = createVault(folder, () => undefined)
    const { store } = await vault.load()
    const save = (number: number) => {
      const delta = teller.change([card(number)])
      applyDelta(delta, store)
      return vault.saveDelta(delta, () => store)
    }
    await save(1)
    isFull = true
    await expect(save(2)).rejects.toMatchObject({ code: 'CREDENTIALS_IO', kind: 'fault' })
    await expect(save(3)).rejects.toMatchObject({ code: 'CREDENTIALS_IO' })
    isFull = false
    await save(4)
    const found = await createVault(crashingFolder(afterPowerCut(disk, () => 0)), () => undefined).load()
    expect([found.position, found.store.count]).toEqual([teller.position, 4])
  })
})
