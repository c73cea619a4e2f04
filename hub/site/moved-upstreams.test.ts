import { beforeEach, describe, expect, it } from 'vitest'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  type Faults,
  PowerCut,
} from '../journal/test-support/crashing-folder.ts'
import { exampleSite } from './examples.ts'
import { moveUpstreams, UPSTREAMS_FILE } from './moved-upstreams.ts'
import { checkSite } from './schema.ts'
import { writeSite } from './site-file.ts'
import { openSite } from './store.ts'

const city = { name: 'city', url: 'mqtts://city.example:8883', login: { username: 'e', passwordfile: 'city.password' } }
const events = { edited() {}, fellBack() {}, mended() {}, migrated() {} }

describe('the upstreams of an earlier release', () => {
  let disk: Disk
  const put = (name: string, value: unknown) => {
    const content = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    disk.names.set(name, { synced: content, content })
    disk.past = [new Map(disk.names)]
  }
  const move = async (on: Disk, faults?: Faults) => {
    const folder = crashingFolder(on, faults)
    const store = await openSite(folder, events)
    if (!store) throw new Error('no site')
    return { outcome: await moveUpstreams(folder, store), upstreams: store.config.upstreams }
  }

  beforeEach(async () => {
    disk = createDisk()
    await writeSite(crashingFolder(disk), exampleSite())
  })

  it('move into site.json once, and their file is kept', async () => {
    put(UPSTREAMS_FILE, { upstreams: [city] })
    const old = disk.names.get(UPSTREAMS_FILE)?.content
    expect(await move(disk)).toEqual({ outcome: 'moved', upstreams: [city] })
    expect(disk.names.get(`${UPSTREAMS_FILE}.moved`)?.content).toEqual(old)
    expect(await move(disk)).toEqual({ outcome: undefined, upstreams: [city] })
    // Written again by somebody who does not know.
    put(UPSTREAMS_FILE, { upstreams: [] })
    expect(await move(disk)).toEqual({ outcome: 'both', upstreams: [city] })
  })

  it('with a mistake stay where they are', async () => {
    put(UPSTREAMS_FILE, { upstreams: [{ ...city, url: 'http://city' }] })
    await expect(move(disk)).rejects.toMatchObject({ code: 'UPSTREAMS_INVALID', path: '/upstreams/0/url' })
    expect(disk.names.has(UPSTREAMS_FILE)).toBe(true)
  })

  it('are in one of the two files whenever the power goes, and in site.json after the next start', async () => {
    put(UPSTREAMS_FILE, { upstreams: [city] })
    let cuts = 0
    for (let nth = 0; ; nth++, cuts++) {
      const names = new Map([...disk.names].map(([name, file]) => [name, { ...file }]))
      const copy: Disk = { names, past: [new Map(names)] }
      let steps = 0
      const before = () => {
        if (++steps > nth) throw new PowerCut()
      }
      const isDone = await move(copy, { before }).then(
        () => true,
        () => false,
      )
      for (const share of [0, 0.3, 0.7, 1])
        expect((await move(afterPowerCut(copy, () => share))).upstreams).toEqual([city])
      if (isDone) break
    }
    expect(cuts).toBeGreaterThan(10)
  })

  it('in site.json are checked like everything there', () => {
    expect(checkSite({ ...exampleSite(), upstreams: [city, city] })).toMatchObject({
      ok: false,
      error: {
        code: 'SITE_INVALID',
        path: '/upstreams/1/name',
        message: expect.stringMatching(/^\/upstreams\/1\/name/),
      },
    })
    expect(checkSite({ ...exampleSite(), upstreams: [{ ...city, url: 'mqtt://a:b@c' }] })).toMatchObject({
      ok: false,
      error: { path: '/upstreams/0/url' },
    })
  })
})
