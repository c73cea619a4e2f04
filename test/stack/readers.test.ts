import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'
import { linli } from '../support/linli.ts'

/** A card reader from the factory on a real serial line: installed, used, its gateway killed, and swapped. */

describe('a reader from the factory', () => {
  const estate = new GateEstate({ isReaderNew: true })
  beforeAll(async () => {
    mkdirSync(estate.hubData, { recursive: true })
    writeFileSync(estate.siteKeyFile, '11'.repeat(32), { mode: 0o600 })
    await estate.start()
    await ready()
  })
  afterAll(() => estate.end())

  const reader = () => (estate.gatewayState()?.readers as Array<Record<string, unknown>> | undefined)?.[0]
  const unlocked = () => estate.physical('lock').filter(({ locked }) => locked === false).length
  const card = (number: number) => estate.sim.send({ do: 'card', reader: 'r1', facility: 17, number })
  const recordFile = join(estate.dir, 'gateway', 'readers', 'r1.json')
  const keyNow = () => (JSON.parse(readFileSync(recordFile, 'utf8')) as { key: string }).key

  async function ready(): Promise<void> {
    await vi.waitFor(() => {
      expect(estate.state('d1')).toMatchObject({ lock: 'locked' })
      expect(reader()?.status).toMatch(/secure|not-installed/)
    }, WAIT)
  }

  /** Adds a credential at the hub; resolves when the gateway decides by it. */
  async function add(...rights: string[]): Promise<void> {
    const said = await linli('credential', ['add', '--data', estate.hubData, '--json', ...rights])
    const { version } = JSON.parse(said) as { version: number }
    await vi.waitFor(() => expect(estate.gatewayState()?.credentials).toMatchObject({ version }), WAIT)
  }

  /** As a power cut would. */
  async function restartGateway(meanwhile: () => void = () => undefined): Promise<void> {
    const bootid = estate.gatewayState()?.bootid
    await estate.gateway.kill()
    meanwhile()
    await estate.startGateway()
    await vi.waitFor(() => expect(estate.gatewayState()?.bootid).not.toBe(bootid), WAIT)
    await ready()
  }

  it('is not installed, and says so', async () => {
    expect(reader()).toMatchObject({ id: 'r1', gate: 'd1', status: 'not-installed' })
    await vi.waitFor(
      () => expect(estate.events('d1', 'tamper').at(-1)).toEqual({ part: 'reader-r1', reason: 'reader-not-installed' }),
      WAIT,
    )
    expect(await linli('reader', ['list', '--data', estate.hubData])).toMatch(/^gw-1\/r1 {2}d1 {2}not installed/)
  })

  it('is given a key that nobody sees, and proves it', async () => {
    const args = ['--data', estate.hubData, '--gateway', 'gw-1', '--reader', 'r1', '--json']
    const said = await linli('reader', ['install', ...args])
    expect(JSON.parse(said)).toEqual({ gateway: 'gw-1', reader: 'r1', status: 'succeeded' })
    expect(estate.physical('key')).toMatchObject([{ device: 'r1', state: 'set' }])
    await vi.waitFor(() => expect(reader()?.status).toBe('secure'), WAIT)
    expect(statSync(recordFile).mode & 0o777).toBe(0o600)
    const everything = [said, JSON.stringify(estate.told), ...estate.gateway.errors, ...estate.hub.errors].join()
    expect(keyNow()).toMatch(/^[0-9a-f]{32}$/)
    expect(everything).not.toContain(keyNow())
    await expect(linli('reader', ['install', ...args, '--reader', 'r9'])).rejects.toThrow(/ended with 2/)
  })

  it('opens for a PIN alone, and for card and PIN, and tells when it is the PIN of somebody who is being forced', async () => {
    await add('--class', 'staff', '--kind', 'pin', '--text', '2580')
    const pins = ['--pin', '4711', '--duress-pin', '4712']
    await add('--class', 'staff', '--kind', 'card', '--text', 'h10301:17:5', ...pins)
    estate.sim.send({ do: 'keypad', reader: 'r1', digits: '2580#', together: true })
    await vi.waitFor(() => expect(unlocked()).toBe(1), WAIT)
    await estate.command('d1', 'set-mode', { mode: 'card-and-pin' })
    await vi.waitFor(() => expect(estate.state('d1')).toMatchObject({ mode: 'card-and-pin' }), WAIT)
    card(5)
    estate.sim.send({ do: 'keypad', reader: 'r1', digits: '4712#', together: true })
    await vi.waitFor(() => expect(estate.events('d1', 'duress')).toMatchObject([{ direction: 'in' }]), WAIT)
    await estate.command('d1', 'set-mode', { mode: 'schedule' })
    await estate.command('d1', 'close')
    await vi.waitFor(() => expect(estate.physical('lock').at(-1)).toMatchObject({ locked: true }), WAIT)
  })

  it('lets a visitor of one visit in once, over kill -9 between the grant and the passage', async () => {
    await add('--kind', 'card', '--text', 'h10301:17:7', '--class', 'visitor', '--uses', '1')
    const before = unlocked()
    card(7)
    await vi.waitFor(() => expect(unlocked()).toBe(before + 1), WAIT)
    await restartGateway()
    card(7)
    await vi.waitFor(() => expect(estate.events('d1', 'denied')).toMatchObject([{ reason: 'used-up' }]), WAIT)
    expect(unlocked()).toBe(before + 1)
  })

  it('is missed when another one with its key is there after a restart, until that is installed', async () => {
    await restartGateway(() => estate.sim.send({ do: 'swap', reader: 'r1', scbk: keyNow() }))
    const reasons = () => estate.events('d1', 'tamper').map(({ reason }) => reason)
    await vi.waitFor(() => expect(reasons()).toContain('reader-swapped'), WAIT)
    await vi.waitFor(() => expect(reader()).toMatchObject({ status: 'secure', reason: 'reader-swapped' }), WAIT)
    const before = keyNow()
    await linli('reader', ['install', '--data', estate.hubData, '--gateway', 'gw-1', '--reader', 'r1'])
    expect(keyNow()).not.toBe(before)
    await vi.waitFor(() => expect(estate.availability('d1')).toMatchObject({ status: 'online' }), WAIT)
  })
})
