import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { credentialId, keyId } from '../contract/credentials.ts'
import { atCredentials, credentialRequest } from '../credentials/counter.ts'
import { CREDENTIAL_LANE } from '../credentials/entries.ts'
import { openSiteKey, siteKeyFile } from '../credentials/site-key.ts'
import { type CredentialSource, createCredentialSource } from '../credentials/source.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import { askCounter, type Counter, openCounter } from './counter.ts'

let root: string
let folder: string
let counter: Counter
let source: CredentialSource
let key: Uint8Array

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'linli-counter-'))
  // Longer than any path that a socket may have.
  folder = mkdtempSync(join(root, 'x'.repeat(150)))
  key = openSiteKey(folder).key
  const log = await openMemoryLog(createMemoryDisk(), { lanes: [CREDENTIAL_LANE] })
  source = await createCredentialSource({ log, now_s: () => 1, onFault: () => {} }, { key: keyId(key) })
  counter = await open()
})
afterEach(async () => {
  await counter.close()
  rmSync(root, { recursive: true })
})

const open = () => openCounter(folder, async (value) => atCredentials(source, credentialRequest(value)))
const card = (number: number) => ({
  id: credentialId(key, 'card', `h10301:1:${number}`),
  kind: 'card',
  class: 'staff',
  gates: ['*'],
  antipassback: 'none',
})

describe('the counter of a running hub', () => {
  it('takes changes, lists what is there, and names what it did not know', async () => {
    const answer = await askCounter(folder, { type: 'change', put: [card(1), card(2)], gone: [] })
    expect(answer).toEqual({ type: 'changed', version: source.version, unknown: [] })
    const gone = [card(1).id, card(3).id]
    expect(await askCounter(folder, { type: 'change', put: [], gone })).toMatchObject({ unknown: [card(3).id] })
    const listed = [{ id: card(2).id, kind: 'card', class: 'staff' }]
    expect(await askCounter(folder, { type: 'list' })).toEqual({ type: 'listed', credentials: listed })
  })

  it('refuses by code what is wrong, and changes nothing', async () => {
    const put = [card(1), { ...card(2), class: 'king' }]
    const answer = await askCounter(folder, { type: 'change', put, gone: [] })
    expect(answer).toMatchObject({ type: 'refused', code: 'SCHEMA_VIOLATION' })
    expect(source.count).toBe(0)
  })

  it.each(['', '{', '{"type":"open"}', '{"type":"change","put":[],"gone":[1]}'])('answers %j', async (text) => {
    const answer = await new Promise<string>((resolve, reject) => {
      const short = join(root, 'short')
      symlinkSync(folder, short)
      const socket = connect({ path: join(short, 'counter.sock'), allowHalfOpen: true })
      let got = ''
      socket.on('data', (chunk) => {
        got += chunk
      })
      socket.on('end', () => resolve(got))
      socket.on('error', reject)
      socket.end(text)
    })
    expect(JSON.parse(answer)).toMatchObject({ type: 'refused' })
  })

  it('is open to its owner only, and says when nobody is there', async () => {
    expect(statSync(join(folder, 'counter.sock')).mode & 0o777).toBe(0o600)
    await counter.close()
    await expect(askCounter(folder, { type: 'list' })).rejects.toMatchObject({ code: 'COUNTER_CLOSED' })
    // What a killed hub leaves does not keep the next one from opening.
    writeFileSync(join(folder, 'counter.sock'), '')
    counter = await open()
    expect(await askCounter(folder, { type: 'list' })).toMatchObject({ type: 'listed' })
  })
})

describe('the site key', () => {
  it('is made once, for its owner only', () => {
    expect(openSiteKey(folder)).toEqual({ key, isNew: false })
    expect(statSync(siteKeyFile(folder)).mode & 0o777).toBe(0o600)
    expect(openSiteKey(root)).toMatchObject({ isNew: true })
  })

  it('is never replaced when it is damaged', () => {
    writeFileSync(siteKeyFile(folder), 'abc')
    expect(() => openSiteKey(folder)).toThrow(/is not a site key/)
  })
})
