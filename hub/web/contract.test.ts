import Fastify from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { publishedText } from '../../test/support/published.ts'
import { publishedFileList } from '../contract/published.ts'
import { addContractRoutes } from './contract.ts'

const app = Fastify()
addContractRoutes(app)
afterAll(() => app.close())
const get = (url: string) => app.inject({ method: 'GET', url })

describe('/contract/', () => {
  it('has the document and every schema, as they are checked in', async () => {
    expect((await get('/contract/asyncapi.json')).json()).toEqual(JSON.parse(publishedText('asyncapi.json')))
    for (const { path, type } of publishedFileList()) {
      const { statusCode, headers } = await get(`/contract/${path}`)
      expect([path, statusCode, headers['content-type']]).toEqual([path, 200, type])
    }
  })

  it('is an index in Chinese and English whose every link is there', async () => {
    expect((await get('/contract')).headers.location).toBe('/contract/')
    const { body, headers } = await get('/contract/')
    expect(headers['content-type']).toBe('text/html; charset=utf-8')
    expect(body).toContain('报警按钮 Alarm button')
    const links = [...body.matchAll(/href="([^"]+)"/g)].map(([, link]) => link)
    expect(links.length).toBeGreaterThan(80)
    for (const link of new Set(links)) expect((await get(`/contract/${link}`)).statusCode, link).toBe(200)
  })

  it.each(['nothing.json', '../decode.ts', '..%2Fdecode.ts', '%2e%2e/package.json', 'schemas/', 'constructor', '%00'])(
    'has nothing but that: %s',
    async (path) => {
      expect((await get(`/contract/${path}`)).statusCode).toBe(404)
    },
  )
})
