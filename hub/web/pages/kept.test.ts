import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keptOr } from './kept.ts'
import { type Served, servedPages } from './served.ts'

const page = (text: string) => `<script setup>const said = '${text}'</script><template><p>{{ said }}</p></template>`
let dir: string
let kept: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-kept-'))
  kept = join(dir, 'kept')
})
afterEach(() => rmSync(dir, { recursive: true }))

function maker() {
  let made = 0
  return { make: async () => ({ bytes: Buffer.from('page'), made: ++made }), count: () => made }
}

describe('what is kept', () => {
  it('is made once for a key, and anew for another one', async () => {
    const { make } = maker()
    expect(await keptOr(kept, 'pages', 'a', make)).toMatchObject({ made: 1 })
    const again = await keptOr(kept, 'pages', 'a', make)
    expect(again).toMatchObject({ made: 1 })
    expect(Buffer.from(again.bytes).toString()).toBe('page')
    expect(await keptOr(kept, 'pages', 'b', make)).toMatchObject({ made: 2 })
  })

  it.each([
    ['cut off', (file: string) => truncateSync(file, 40)],
    ['emptied', (file: string) => truncateSync(file, 0)],
    [
      'changed',
      (file: string) =>
        writeFileSync(
          file,
          readFileSync(file).map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
        ),
    ],
  ])('is made anew when its file was %s, and kept again', async (_how, damage) => {
    const { make, count } = maker()
    await keptOr(kept, 'pages', 'a', make)
    damage(join(kept, 'pages-a'))
    expect(await keptOr(kept, 'pages', 'a', make)).toMatchObject({ made: 2 })
    await keptOr(kept, 'pages', 'a', make)
    expect(count()).toBe(2)
  })

  it('is made each time where nothing can be kept', async () => {
    const { make } = maker()
    writeFileSync(kept, 'no folder')
    await keptOr(kept, 'pages', 'a', make)
    expect(await keptOr(kept, 'pages', 'a', make)).toMatchObject({ made: 2 })
    expect(await keptOr(undefined, 'pages', 'a', make)).toMatchObject({ made: 3 })
  })

  it('takes no more room with each version: the oldest go', async () => {
    const { make } = maker()
    for (const [n, key] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      await keptOr(kept, 'pages', key, make)
      utimesSync(join(kept, `pages-${key}`), n, n)
    }
    await keptOr(kept, 'pages', 'f', make)
    expect(readdirSync(kept).sort()).toEqual(['pages-c', 'pages-d', 'pages-e', 'pages-f'])
  })
})

describe('the pages', { timeout: 60_000 }, () => {
  it('come from what is kept while no source has changed', async () => {
    const folder = join(dir, 'pages')
    mkdirSync(folder)
    const source = join(folder, 'a.vue')
    writeFileSync(source, page('one'))
    expect([...(await servedPages(folder, kept)).keys()]).toContain('a.vue')
    const [file = ''] = readdirSync(kept)
    rmSync(join(kept, file))
    const planted = new Map<string, Served>()
    await keptOr(kept, 'pages', file.replace('pages-', ''), async () => planted)
    expect(await servedPages(folder, kept)).toEqual(planted)
    writeFileSync(source, page('two'))
    const anew = (await servedPages(folder, kept)).get('a.vue')
    expect(Buffer.from(anew?.plain ?? []).toString()).toContain('two')
  })
})
