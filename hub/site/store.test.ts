import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { LinliError } from '../contract/errors.ts'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  type Faults,
  PowerCut,
} from '../journal/test-support/crashing-folder.ts'
import { exampleButton, exampleSite } from './examples.ts'
import type { SiteFormat } from './migrations.ts'
import { checkSite, type SiteConfig } from './schema.ts'
import { formatSite, readSite, writeSite } from './site-file.ts'
import { openSite } from './store.ts'

let disk: Disk
let told: string[]
const folder = () => crashingFolder(disk)
const content = (name: string) => disk.names.get(name)?.content.toString('utf8')
const edit = (text: string, name = 'site.json') => {
  disk.names.set(name, { synced: Buffer.from(text), content: Buffer.from(text) })
}
const events = {
  edited: () => told.push('edited'),
  fellBack: (mistake: LinliError) => told.push(`fell back: ${mistake.message}`),
  mended: () => told.push('mended'),
  migrated: (from: number) => told.push(`migrated from ${from}`),
}
const open = async (format?: SiteFormat) => {
  const store = await openSite(folder(), events, format)
  if (!store) throw new Error('no site')
  return store
}
const withTwo = exampleSite([exampleButton('b1', 2), exampleButton('b2', 3)])
const without = exampleSite([])
/** A release to come, in which the name of a hub was called `title` until version 3. */
const later: SiteFormat = {
  migrations: [(site) => ({ ...site, title: `${site.title}-2` }), ({ title, ...rest }) => ({ ...rest, name: title })],
  check(value) {
    const checked = checkSite({ ...(value as object), version: 1 })
    return checked.ok ? { ok: true, value: { ...checked.value, version: (value as SiteConfig).version } } : checked
  },
}

beforeEach(() => {
  disk = createDisk()
  told = []
})

describe('the site of a data folder', () => {
  it('is none where nobody made one', async () => {
    expect(await openSite(folder(), events)).toBeUndefined()
  })

  it('comes back as it was changed, and its checksum is one that sha256sum reads', async () => {
    await writeSite(folder(), exampleSite())
    const store = await open()
    await store.change(() => ({ ok: true, value: withTwo }))
    expect((await open()).config).toEqual(withTwo)
    const text = content('site.json') ?? ''
    expect(content('site.json.sha256')).toBe(`${createHash('sha256').update(text).digest('hex')}  site.json\n`)
    expect(told).toEqual([])
  })

  it('takes a valid hand edit over while it runs, as it is written, and tells who listens', async () => {
    await writeSite(folder(), exampleSite())
    const store = await open()
    const heard: SiteConfig[] = []
    store.onChange((config) => heard.push(config))
    const text = JSON.stringify(withTwo)
    edit(text)
    await store.reload()
    expect(store.config).toEqual(withTwo)
    expect(heard).toEqual([withTwo])
    expect(told).toEqual(['edited'])
    expect(content('site.json')).toBe(text)
    expect(content('site.json.last-good')).toBe(text)
    await store.reload()
    expect(told).toEqual(['edited'])
  })

  it('runs on the last good one while a hand edit has a mistake, says line, field and allowed values once, and changes nothing', async () => {
    await writeSite(folder(), exampleSite())
    const store = await open()
    const wrong = formatSite(exampleSite()).replace('"zh"', '"zz"')
    edit(wrong)
    await store.reload()
    await store.reload()
    const mistake = 'site.json line 5: /language is "zz"; allowed: "zh", "en"'
    expect(told).toEqual([`fell back: ${mistake}`])
    expect(store.mistake()).toMatchObject({ code: 'SITE_INVALID', path: '/language', message: mistake })
    expect(store.config).toEqual(exampleSite())
    await expect(store.change(() => ({ ok: true, value: withTwo }))).rejects.toThrow('Correct that first')
    expect(content('site.json')).toBe(wrong)
    // A restart finds the same.
    expect((await open()).config).toEqual(exampleSite())
    edit(formatSite(without))
    await store.reload()
    expect(store.mistake()).toBeUndefined()
    expect(store.config).toEqual(without)
  })

  it.each([
    ['emptied', '', 'site.json line 1: the file is empty'],
    ['torn', formatSite(withTwo).slice(0, 200), 'not valid JSON'],
    ['binary', '\u0000\u0001\uFFFD', 'site.json line 1: not valid JSON'],
    ['a list', '[]', 'site.json line 1: / must be object (found [])'],
    ['of a later release', formatSite(exampleSite()).replace('"version": 1', '"version": 9'), 'line 2: /version is 9'],
    ['without a name', formatSite(exampleSite()).replace('"name": "hub-1",', ''), 'missing field /name'],
    ['with an unknown field', formatSite(exampleSite()).replace('"name"', '"nam": 1, "name"'), 'unknown field /nam'],
    ['with a field twice', formatSite(exampleSite()).replace('"name"', '"language": "en", "name"'), 'is there twice'],
    [
      'with a false zone',
      formatSite(exampleSite()).replace('Shanghai', 'Beijing'),
      'line 6: /timeZone is "Asia/Beijing"',
    ],
    [
      'with a kind',
      formatSite(exampleSite()).replace('"alarm-button"', '"dor"'),
      'line 17: /gateways/gw-1/devices/0/kind is "dor"; allowed: "alarm-button", "door"',
    ],
    [
      'with a device twice',
      formatSite(withTwo).replace('"b2"', '"b1"'),
      '/gateways/gw-1/devices/1/id is "b1", which is there twice',
    ],
    [
      'with a board that is not there',
      formatSite(withTwo).replace('"board": "board-a"', '"board": "x"'),
      'is "x"; allowed (boards): board-a',
    ],
  ])('falls back at the start when the file is %s', async (_what, text, says) => {
    await writeSite(folder(), exampleSite())
    edit(text)
    expect((await open()).config).toEqual(exampleSite())
    expect(told).toEqual([expect.stringContaining(says)])
  })

  it('falls back, and says so, when the file is gone; without any good copy there is no start', async () => {
    await writeSite(folder(), exampleSite())
    disk.names.delete('site.json')
    expect((await open()).config).toEqual(exampleSite())
    expect(told).toEqual(['fell back: site.json: the file is missing'])
    edit('{', 'site.json.last-good')
    edit('{"version": 1}')
    await expect(open()).rejects.toThrow('missing field /site')
  })

  it('never takes what is no site of names that are part of every object', async () => {
    const site = exampleSite()
    for (const gateway of ['constructor', 'to-string']) {
      const named = { ...site, gateways: { [gateway]: site.gateways['gw-1'] } }
      expect(checkSite(JSON.parse(JSON.stringify(named)))).toMatchObject({ ok: true })
    }
    expect(checkSite(JSON.parse(JSON.stringify(site).replace('"gw-1"', '"__proto__"')))).toMatchObject({ ok: false })
  })

  it('of an older version is migrated step by step, and the old file stays; a mistake in it is told with its line', async () => {
    const { name: title, ...rest } = exampleSite()
    const old = `${JSON.stringify({ ...rest, title })}\n`
    edit(old)
    const store = await open(later)
    expect(store.config).toEqual({ ...exampleSite(), version: 3, name: 'hub-1-2' })
    expect(told).toEqual(['migrated from 1'])
    expect(content('site.json.v1')).toBe(old)
    expect(JSON.parse(content('site.json') ?? '')).toMatchObject({ version: 3, name: 'hub-1-2' })
    edit(JSON.stringify({ ...rest, title, language: 'x' }))
    await store.reload()
    expect(store.mistake()?.message).toContain('line 1: /language is "x"')
  })
})

describe('a power cut', () => {
  /** Runs `work` with a cut before its nth step, on a copy of the disk; undefined: it was done before. */
  async function cutAt(from: Disk, nth: number, work: (faulty: ReturnType<typeof folder>) => Promise<unknown>) {
    const copied = structuredCopy(from)
    let steps = 0
    const faults: Faults = {
      before() {
        steps += 1
        if (steps > nth) throw new PowerCut()
      },
    }
    try {
      await work(crashingFolder(copied, faults))
      return undefined
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      return copied
    }
  }

  const cases: Array<[string, (faulty: ReturnType<typeof folder>) => Promise<unknown>, SiteConfig]> = [
    [
      'a change',
      async (faulty) => {
        const store = await openSite(faulty, events)
        await store?.change(() => ({ ok: true, value: withTwo }))
      },
      withTwo,
    ],
    [
      'two changes',
      async (faulty) => {
        const store = await openSite(faulty, events)
        await store?.change(() => ({ ok: true, value: withTwo }))
        await store?.change(() => ({ ok: true, value: without }))
      },
      without,
    ],
  ]
  it.each(cases)(
    'at any step of %s leaves the old site or the new one, and the next start has no complaint',
    async (_name, work, last) => {
      await writeSite(folder(), exampleSite())
      const sites = [exampleSite(), withTwo, last].map((one) => formatSite(one))
      let cuts = 0
      for (let nth = 0; ; nth++) {
        const found = await cutAt(disk, nth, work)
        if (!found) break
        cuts += 1
        await fc.assert(
          fc.asyncProperty(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (stream) => {
            const numbers = stream[Symbol.iterator]()
            const after = afterPowerCut(found, () => numbers.next().value ?? 0)
            const read = await readSite(crashingFolder(after))
            expect(read?.mistake).toBeUndefined()
            expect(sites).toContain(read && formatSite(read.config))
            const reopened = await openSite(crashingFolder(after), events)
            expect(reopened?.config).toEqual(read?.config)
            expect((await readSite(crashingFolder(after)))?.isEdited).toBe(false)
          }),
          { numRuns: 20 },
        )
      }
      expect(cuts).toBeGreaterThan(12)
    },
  )

  it('at any step of taking a hand edit over leaves the edit in use', async () => {
    await writeSite(folder(), exampleSite())
    edit(formatSite(withTwo))
    for (let nth = 0; ; nth++) {
      const found = await cutAt(disk, nth, (faulty) => openSite(faulty, events))
      if (!found) break
      for (const share of [0, 0.5, 1])
        expect((await readSite(crashingFolder(afterPowerCut(found, () => share))))?.config).toEqual(withTwo)
    }
  })
})

function structuredCopy({ names }: Disk): Disk {
  const copy = new Map([...names].map(([name, { synced, content: whole }]) => [name, { synced, content: whole }]))
  return { names: copy, past: [new Map(copy)] }
}
