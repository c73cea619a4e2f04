import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../../hub/contract/topic.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import { crashingFolder, createDisk } from '../../hub/journal/test-support/crashing-folder.ts'
import { createCredentialDesk, type Presented } from '../credentials/desk.ts'
import { card, createTeller, KEY } from '../credentials/examples.ts'
import { CREDENTIAL_USE_LANE } from '../credentials/ledger.ts'
import type { AccessDecision, AccessGateDriver } from '../drivers/access-gate/access.ts'
import type { DriverEvent } from '../drivers/driver.ts'
import { momentNow } from '../moment.ts'
import { silentLogger } from '../ports/logger.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { type Admission, createAdmission, type Shown } from './admission.ts'

const ADDRESS: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'g',
  class: 'access-gate',
  device: 'door-1',
}

/** A gate of a few lines that says what a door says. */
function createGate(heard: () => Admission['heard']) {
  const asked: AccessDecision[] = []
  let refusal: string | undefined
  const say = (type: string, data: object) =>
    heard()(ADDRESS, { type, severity: 'notice', at: momentNow(), data: { direction: 'in', ...data } })
  const driver: AccessGateDriver = {
    address: ADDRESS,
    meta: { class: 'access-gate', model: '', driver: { name: '', version: '' }, place: {}, capabilities: [] },
    start: () => undefined,
    execute: () => undefined,
    close: () => undefined,
    mode: () => 'card',
    tamper: () => undefined,
    access(decision) {
      asked.push(decision)
      const reason = decision.granted ? refusal : decision.reason
      if (reason !== undefined) say('denied', { reason, credential: decision.credential })
    },
  }
  return { driver, asked, say, refuse: (reason: string | undefined) => (refusal = reason) }
}

describe('admission', () => {
  let time: VirtualTime
  let told: Array<[string, ...unknown[]]>
  let said: DriverEvent[]
  let isForgiven: boolean
  let admission: Admission
  let gate: ReturnType<typeof createGate>

  beforeEach(() => {
    time = startVirtualTime(install)
    told = []
    said = []
    isForgiven = true
    admission = createAdmission({
      desk: {
        takeBack: (...args) => told.push(['takeBack', ...args]),
        settle: (...args) => told.push(['settle', ...args]),
        settleAll: (...args) => told.push(['settleAll', ...args]),
        forgive() {
          told.push(['forgive'])
          return Promise.resolve(isForgiven)
        },
      },
      say: (_address, event) => said.push(event),
      log: silentLogger,
    })
    gate = createGate(() => admission.heard)
  })
  afterEach(() => {
    admission.close()
    time.end()
  })

  const presented = (more: Partial<Presented> = {}): Presented => ({
    access: { granted: true, direction: 'in', by: 'card', credential: 'c1' },
    passback: false,
    keepFirst: false,
    again: false,
    kept: Promise.resolve(true),
    ...more,
  })
  function admit(what: Presented): Shown[] {
    const shown: Shown[] = []
    admission.admit(gate.driver, what, momentNow(), (one) => shown.push(one))
    return shown
  }

  it('lets in at once who needs no disk', () => {
    const never = new Promise<boolean>(() => undefined)
    expect(admit(presented({ kept: never }))).toEqual(['granted'])
    expect(gate.asked).toMatchObject([{ granted: true }])
    expect(told).toEqual([])
  })

  it('takes back what the gate itself refused, and shows the refusal', () => {
    gate.refuse('gate-offline')
    expect(admit(presented({ passback: true }))).toEqual(['denied'])
    expect(told).toEqual([['takeBack', 'c1', 'door-1']])
    expect(said).toEqual([])
  })

  it('takes nothing back for a card that was held there again', () => {
    gate.refuse('pin-missing')
    expect(admit(presented({ again: true }))).toEqual(['denied'])
    expect(told).toEqual([])
  })

  it('takes nothing back for what the desk denied', () => {
    const access = { granted: false, direction: 'in', by: 'card', reason: 'expired', credential: 'c1' } as const
    expect(admit(presented({ access }))).toEqual(['denied'])
    expect(gate.asked).toEqual([access])
    expect(told).toEqual([])
  })

  it('tells of soft anti-passback', () => {
    expect(admit(presented({ passback: true }))).toEqual(['granted'])
    expect(said).toMatchObject([{ type: 'passback', severity: 'warning', data: { direction: 'in', credential: 'c1' } }])
  })

  it('waits for the disk, says so after a moment, and lets in then', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const shown = admit(presented({ keepFirst: true, kept: promise }))
    await time.pass(150)
    expect([shown, gate.asked]).toEqual([['waiting'], []])
    resolve(true)
    await time.pass(1)
    expect(shown).toEqual(['waiting', 'granted'])
    expect(gate.asked).toMatchObject([{ granted: true }])
  })

  it('says nothing of waiting when the disk is quick', async () => {
    const shown = admit(presented({ keepFirst: true }))
    expect(gate.asked).toEqual([])
    await time.pass(500)
    expect(shown).toEqual(['granted'])
  })

  it('denies with a reason of its own when the disk fails, and tells duress all the same', async () => {
    const access = { ...presented().access, duress: true }
    const shown = admit(presented({ access, keepFirst: true, kept: Promise.resolve(false) }))
    await time.pass(1)
    expect(shown).toEqual(['denied'])
    expect(gate.asked).toEqual([{ ...access, granted: false, reason: 'not-kept' }])
    expect(told).toEqual([['takeBack', 'c1', 'door-1']])
  })

  it('does not wait for ever for a disk that hangs, and lets nobody in late', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const shown = admit(presented({ keepFirst: true, kept: promise }))
    await time.pass(5000, 50)
    resolve(true)
    await time.pass(10)
    expect(shown).toEqual(['waiting', 'denied'])
    expect(gate.asked).toMatchObject([{ granted: false, reason: 'not-kept' }])
  })

  it('asks the gate once for a card that is held there twice while the disk works', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const first = admit(presented({ keepFirst: true, kept: promise }))
    const second = admit(presented({ keepFirst: true, kept: promise }))
    resolve(true)
    await time.pass(1)
    expect([first, second, gate.asked.length]).toEqual([['granted'], ['granted'], 1])
  })

  it('takes back what nobody used, settles what was used, and forgets who is inside after an evacuation', async () => {
    gate.say('unused', { by: 'card', credential: 'c1' })
    gate.say('passage', { by: 'card', credential: 'c2' })
    gate.say('passage', { by: 'request' })
    gate.say('mode-changed', { mode: 'evacuate', previous: 'card' })
    isForgiven = false
    gate.say('mode-changed', { mode: 'card', previous: 'evacuate' })
    await time.pass(1)
    expect(told).toEqual([['takeBack', 'c1', 'door-1'], ['settle', 'c2', 'door-1'], ['forgive']])
  })

  it('lets what was counted stand when the gate loses its hardware', () => {
    admission.wentOffline(ADDRESS)
    admission.wentOffline({ ...ADDRESS, class: 'alarm-button' })
    expect(told).toEqual([['settleAll', 'door-1']])
  })

  it('asks no gate any more after it was closed', async () => {
    const shown = admit(presented({ keepFirst: true }))
    admission.close()
    await time.pass(10)
    expect([shown, gate.asked]).toEqual([[], []])
  })
})

describe('a visitor of two visits', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('present', 'walk-in') },
      { weight: 1, arbitrary: fc.constantFrom('stay-out', 'refuse', 'work-again', 'power-cut', 'bad-disk') },
    ),
    { minLength: 10, maxLength: 40 },
  )

  it('never comes in a third time, whatever happens to the power, the disk and the gate', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (story) => {
        const journal = createMemoryDisk()
        const folder = crashingFolder(createDisk())
        const teller = createTeller()
        const visitor = card(1, { class: 'visitor', limits: { uses: 2 } })
        teller.change([visitor])
        const start = async () => {
          const log = await openMemoryLog(journal, { lanes: [CREDENTIAL_USE_LANE] })
          const deps = { folder, log, onFault: () => undefined }
          const desk = await createCredentialDesk(deps, { siteKeys: [KEY], gates: {}, schedules: {} })
          return { log, desk, admission: createAdmission({ desk, say: () => undefined, log: silentLogger }) }
        }
        let gateway = await start()
        const gate = createGate(() => gateway.admission.heard)
        for (const part of teller.snapshot()) await gateway.desk.apply(part)
        let isOpen = false
        let visits = 0
        for (const step of story) {
          if (step === 'present') {
            const presence = {
              gate: 'door-1',
              direction: 'in',
              mode: 'card',
              at: momentNow(),
              timeQuality: 'synced',
            } as const
            const presented = gateway.desk.card('h10301:1:1', undefined, presence)
            await new Promise<void>((shown) =>
              gateway.admission.admit(gate.driver, presented, momentNow(), (how) => {
                if (how === 'granted') isOpen = true
                if (how !== 'waiting') shown()
              }),
            )
          } else if (step === 'walk-in' && isOpen) {
            isOpen = false
            visits++
            gate.say('passage', { by: 'card', credential: visitor.id })
          } else if (step === 'stay-out' && isOpen) {
            isOpen = false
            gate.say('unused', { by: 'card', credential: visitor.id })
          } else if (step === 'refuse') gate.refuse('gate-offline')
          else if (step === 'work-again') gate.refuse(undefined)
          else if (step === 'bad-disk') journal.failures = 1
          else if (step === 'power-cut') {
            isOpen = false
            gateway.log.kill()
            journal.isOpen = false
            gateway = await start()
          }
        }
        await gateway.log.close()
        expect(visits).toBeLessThanOrEqual(2)
      }),
      { numRuns: 300 },
    )
  })
})
