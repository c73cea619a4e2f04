import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  type Faults,
  PowerCut,
} from '../journal/test-support/crashing-folder.ts'
import { durableJson } from './durable-json.ts'

interface Data {
  n: number
  padding?: string
}

let dir: string
let file: string
let fallbacks: Array<{ damagedCopy: string; reason: string }>
const adapter = () => durableJson<Data>(file, { onFallback: (details) => fallbacks.push(details) })

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-durable-'))
  file = join(dir, 'registry.json')
  fallbacks = []
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('durable JSON file', () => {
  it('reads nothing where nothing was written', async () => {
    expect(await adapter().read()).toBeNull()
  })

  it('gives back what was written, readable by nobody else', async () => {
    await adapter().write({ n: 1 })
    expect(await adapter().read()).toEqual({ n: 1 })
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['emptied', () => truncateSync(file, 0)],
    ['torn', () => truncateSync(file, statSync(file).size - 9)],
    ['altered', () => writeFileSync(file, readFileSync(file, 'utf8').replace('"n": 2', '"n": 3'))],
  ])(
    'falls back to the last good copy when the file was %s, loudly, and keeps the damaged one',
    async (_name, damage) => {
      await adapter().write({ n: 1 })
      await adapter().write({ n: 2 })
      damage()
      expect(await adapter().read()).toEqual({ n: 1 })
      expect(fallbacks).toHaveLength(1)
      expect(readdirSync(dir).filter((name) => name.includes('.damaged-'))).toHaveLength(1)
    },
  )

  it('refuses to start empty when file and copy are both damaged', async () => {
    await adapter().write({ n: 1 })
    await adapter().write({ n: 2 })
    truncateSync(file, 0)
    truncateSync(`${file}.last-good`, 3)
    await expect(adapter().read()).rejects.toMatchObject({ code: 'REGISTRY_DAMAGED' })
  })

  it('comes back from its copy when only that is left', async () => {
    await adapter().write({ n: 1 })
    await adapter().write({ n: 2 })
    rmSync(file)
    expect(await adapter().read()).toEqual({ n: 1 })
    expect(fallbacks).toHaveLength(1)
  })

  it('is the old or the new content whenever the power goes, and the next start has no complaint', async () => {
    const disk = createDisk()
    const on = (those: Disk, faults: Faults = {}) =>
      durableJson<Data>(file, { onFallback: (details) => fallbacks.push(details) }, crashingFolder(those, faults))
    for (const n of [1, 2]) await on(disk).write({ n })
    let cuts = 0
    for (let nth = 0; ; nth++, cuts++) {
      const names = new Map([...disk.names].map(([name, one]) => [name, { ...one }]))
      const copy: Disk = { names, past: [new Map(names)] }
      let steps = 0
      const before = () => {
        if (++steps > nth) throw new PowerCut()
      }
      // Twice, so that what the first one left is there when the power goes in the second.
      const written = await on(copy, { before })
        .write({ n: 3 })
        .then(() => on(copy, { before }).write({ n: 4 }))
        .then(
          () => true,
          (error: unknown) => !(error instanceof PowerCut),
        )
      for (const share of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
        const found = afterPowerCut(copy, () => share)
        const n = (await on(found).read())?.n
        expect(written ? [4] : [2, 3, 4]).toContain(n)
        // And it goes on from there.
        await on(found).write({ n: 5 })
        expect(await on(found).read()).toEqual({ n: 5 })
      }
      if (written) break
    }
    expect(cuts).toBeGreaterThan(12)
    expect(fallbacks).toEqual([])
  })

  it('is the old or the new content after kill -9 in the middle of writing', { timeout: 30_000 }, async () => {
    const program = `
      import { durableJson } from ${JSON.stringify(new URL('./durable-json.ts', import.meta.url).href)}
      const adapter = durableJson(${JSON.stringify(file)}, { onFallback() {} })
      const padding = 'x'.repeat(200_000)
      for (let n = (await adapter.read())?.n + 1 || 1; ; n++) { await adapter.write({ n, padding }); console.log(n) }`
    let written = 0
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const until = written + 1 + round
      for await (const line of createInterface({ input: child.stdout })) {
        written = Number(line)
        if (written >= until) child.kill('SIGKILL')
      }
      const found = await adapter().read()
      expect(found?.n).toBeGreaterThanOrEqual(written)
      written = found?.n ?? 0
    }
    expect(fallbacks).toEqual([])
  })
})
