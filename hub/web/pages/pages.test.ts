import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addPageRoutes } from './pages.ts'
import { servedPages } from './served.ts'

let app: FastifyInstance
beforeAll(() => {
  app = Fastify()
  addPageRoutes(app)
})
afterAll(() => app.close())

const get = (path: string, headers: Record<string, string> = {}) => app.inject({ url: `/desk/${path}`, headers })

/** What a module imports, as a browser resolves it. */
function importsOf(path: string, code: string): string[] {
  const pattern = /^(?:import|export)\s(?:[^'";()]*?\bfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  const found = [...code.matchAll(pattern)].map(([, one, other]) => (one ?? other) as string)
  return found.map((one) => (one.startsWith('/desk/') ? one.slice(6) : posix.join(posix.dirname(path), one)))
}

describe('the pages', { timeout: 120_000 }, () => {
  it('reach everything that they import, from their own server alone', async () => {
    const html = (await get('')).body
    const waiting = [...html.matchAll(/(?:href|src)="\.\/([^"]+)"/g)].map((match) => match[1] as string)
    expect(html).not.toMatch(/(href|src)="(https?:)?\/\//)
    const seen = new Set<string>()
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (seen.has(path)) continue
      seen.add(path)
      const answer = await get(path)
      expect(answer.statusCode, path).toBe(200)
      if (!/javascript/.test(String(answer.headers['content-type'])) || path.startsWith('vendor/')) continue
      expect(answer.body, path).not.toMatch(/["'](https?:)?\/\/[a-z]/)
      waiting.push(...importsOf(path, answer.body))
    }
    expect([...seen]).toEqual(expect.arrayContaining(['pages/duty-desk.vue', 'vendor/vue.js', 'contract/words.ts']))
  })

  it('are the same files for a widget of FlowFuse Dashboard, beside the Vue that it lends', async () => {
    const path = 'pages/duty-desk.vue'
    const [mine, borrowed] = await Promise.all([get(path), get(`in-dashboard/${path}`)])
    expect(borrowed.body).toBe(mine.body)
    expect(importsOf(path, mine.body)).toContain('vendor/vue.js')
    const vue = (await get('in-dashboard/vendor/vue.js')).body
    const lent = /^export const \{ ([\w$, ]+) \} = window\.Vue\s*$/.exec(vue)?.[1]?.split(', ')
    const used = [...mine.body.matchAll(/^import \{([^}]+)\} from ['"][./]+vendor\/vue\.js/gm)].flatMap(
      ([, names = '']) => names.split(',').map((name) => name.trim().split(' as ')[0]),
    )
    expect(used).toContain('openBlock')
    expect(lent).toEqual(expect.arrayContaining(used))
    expect((await get('in-dashboard/widget/main.ts')).statusCode).toBe(200)
  })

  it('come compressed, say what they may load, and need not come again', async () => {
    const answer = await get('shell.vue', { 'accept-encoding': 'gzip, br' })
    expect(answer.headers).toMatchObject({ 'content-encoding': 'br', 'cache-control': 'no-cache' })
    expect(answer.headers['content-security-policy']).toContain("default-src 'self'")
    expect(answer.headers['content-security-policy']).not.toContain('unsafe-eval')
    expect(brotliDecompressSync(answer.rawPayload).toString()).toBe((await get('shell.vue')).body)
    expect((await get('shell.vue', { 'if-none-match': String(answer.headers.etag) })).statusCode).toBe(304)
  })

  it.each(['nothing.vue', 'in-dashboard/nothing.vue', '../package.json', '%2e%2e/%2e%2e/package.json', 'main.test.ts'])(
    'have no %s',
    async (path) => {
      expect((await get(path)).statusCode).toBe(404)
    },
  )

  it('say which file is wrong when one cannot be compiled, and come back when it is mended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linli-pages-'))
    writeFileSync(join(folder, 'a.vue'), '<template><p></template>')
    const broken = Fastify()
    addPageRoutes(broken, () => servedPages(folder, undefined))
    const answer = await broken.inject('/desk/a.vue')
    expect(answer.statusCode).toBe(500)
    expect(answer.json().message).toContain('a.vue')
    writeFileSync(join(folder, 'a.vue'), '<script setup>const a = 1</script><template><p>{{ a }}</p></template>')
    expect((await broken.inject('/desk/a.vue')).statusCode).toBe(200)
    await broken.close()
    rmSync(folder, { recursive: true })
  })
})
