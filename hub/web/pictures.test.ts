import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { guardedPeople, routesFor, SECRET } from '../../test/support/guarded-web.ts'
import type { AuditEntry } from '../audit/chain.ts'
import { createPictureStore } from '../cameras/store.ts'
import type { Archived } from '../incidents/archive/types.ts'
import { addRoutes } from './server.ts'

describe('a picture of an incident', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-pictures-'))
  const store = createPictureStore(dir, { now_ms: Date.now })
  const lines: AuditEntry[] = []
  const gone = 'a'.repeat(64)
  let app: FastifyInstance
  let people: Awaited<ReturnType<typeof guardedPeople>>
  let sha256: string
  let damaged: string
  let other: string

  beforeAll(async () => {
    people = await guardedPeople()
    const put = (text: string) => store.put(Buffer.from(text))
    sha256 = await put('one')
    damaged = await put('two')
    other = await put('three')
    writeFileSync(join(dir, `${damaged}.jpg`), 'changed')
    const story = [sha256, damaged, gone].map((picture) => ({ what: 'picture', sha256: picture }))
    const incidents = { get: async (id: string) => (id === '7' ? ({ story } as Archived) : undefined) }
    const audit = { record: async (entry: AuditEntry) => void lines.push(entry) }
    app = Fastify()
    addRoutes(app, { ...routesFor(people.desk), pictures: { incidents, store, audit } }, { isSecure: false })
  })
  afterAll(async () => {
    await app.close()
    await people.close()
    rmSync(dir, { recursive: true, force: true })
  })

  async function look(role: string, path: string) {
    const host = '127.0.0.1:8080'
    const headers = { host, origin: `http://${host}` }
    const login = await app.inject({
      method: 'POST',
      url: '/api/v1/session',
      headers,
      payload: { name: role, secret: SECRET },
    })
    const cookie = String(login.headers['set-cookie']).split(';')[0] ?? ''
    const answer = await app.inject({ url: `/api/v1/incidents/${path}`, headers: { host, cookie } })
    return {
      status: answer.statusCode,
      body: answer.body,
      type: answer.headers['content-type'],
      cache: answer.headers['cache-control'],
    }
  }

  it('is shown to an operator, kept by no browser, and the look is written down', async () => {
    expect(await look('operator', `7/pictures/${sha256}`)).toEqual({
      status: 200,
      body: 'one',
      type: 'image/jpeg',
      cache: 'no-store',
    })
    expect(lines.at(-1)).toMatchObject({
      kind: 'picture',
      actor: 'person:operator',
      target: '7',
      outcome: 'succeeded',
      detail: { sha256 },
    })
  })

  it('is not shown to a viewer, who leaves no picture behind', async () => {
    const before = lines.length
    expect(await look('viewer', `7/pictures/${sha256}`)).toMatchObject({ status: 403 })
    expect(lines).toHaveLength(before)
  })

  it.each<[string, () => string, number, string]>([
    ['of another incident', () => `8/pictures/${sha256}`, 404, 'PICTURE_UNKNOWN'],
    ['that no incident names', () => `7/pictures/${other}`, 404, 'PICTURE_UNKNOWN'],
    ['with a path for a name', () => `7/pictures/${encodeURIComponent('../people.json')}`, 404, 'PICTURE_UNKNOWN'],
    ['that is kept no more', () => `7/pictures/${gone}`, 410, 'PICTURE_GONE'],
    ['that was changed on disk', () => `7/pictures/${damaged}`, 500, 'PICTURE_DAMAGED'],
  ])('%s is refused, and that is written down', async (_what, path, status, code) => {
    const answer = await look('operator', path())
    expect([answer.status, (JSON.parse(answer.body) as { code: string }).code]).toEqual([status, code])
    expect(lines.at(-1)).toMatchObject({ code })
  })
})
