import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { credentialId, normalForm } from '../../../hub/contract/credentials.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import { createMemoryDisk } from '../../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../../hub/journal/open.ts'
import { crashingFolder, createDisk } from '../../../hub/journal/test-support/crashing-folder.ts'
import { createCredentialDesk } from '../../credentials/desk.ts'
import { createTeller, KEY } from '../../credentials/examples.ts'
import { CREDENTIAL_USE_LANE } from '../../credentials/ledger.ts'
import type { AccessDecision, AccessGateDriver } from '../../drivers/access-gate/access.ts'
import { momentNow } from '../../moment.ts'
import { silentLogger } from '../../ports/logger.ts'
import { startVirtualTime, type VirtualTime } from '../../testing/virtual-time.ts'
import { type Admission, createAdmission } from '../admission.ts'
import { Camera } from './camera.ts'

const GATE: Address = { street: 's', community: 'c', estate: 'e', gateway: 'g', class: 'access-gate', device: 'v1' }
const PLATE = '沪A12345'
const VISITOR = credentialId(KEY, 'plate', PLATE)

/** A visitor who may come in once, before a camera that reads on and on: the real desk and the real admission. */
describe('one visit', () => {
  let time: VirtualTime
  let asked: AccessDecision[]
  let admission: Admission
  let camera: Camera

  beforeEach(async () => {
    time = startVirtualTime(install)
    asked = []
    const log = await openMemoryLog(createMemoryDisk(), { lanes: [CREDENTIAL_USE_LANE] })
    const desk = await createCredentialDesk(
      { folder: crashingFolder(createDisk()), log, onFault: () => undefined },
      { siteKeys: [KEY], gates: {}, schedules: {} },
    )
    const teller = createTeller()
    for (const part of teller.snapshot()) await desk.apply(part)
    const visitor = normalForm({
      id: VISITOR,
      kind: 'plate',
      class: 'visitor',
      gates: ['v1'],
      antipassback: 'none',
      limits: { uses: 1 },
    })
    await desk.apply(teller.change([visitor]))
    admission = createAdmission({ desk, say: () => undefined, log: silentLogger })
    const gate = {
      address: GATE,
      mode: () => 'normal',
      access: (decision: AccessDecision) => void asked.push(decision),
    } as unknown as AccessGateDriver
    const outbox = { availability: () => undefined }
    const address: Address = { ...GATE, class: 'camera', device: 'cam-1' }
    camera = new Camera(
      { address, gate, desk, admission, outbox, timeQuality: () => 'synced' },
      { id: 'cam-1', gate: 'v1', direction: 'in' },
    )
  })
  afterEach(() => {
    admission.close()
    time.end()
  })

  /** As often as a camera does. */
  async function reads(for_ms: number): Promise<void> {
    for (let at_ms = 0; at_ms < for_ms; at_ms += 400) {
      camera.reading({ plate: PLATE, confidence: 0.95 }, momentNow())
      await time.pass(400, 100)
    }
  }
  function passes(): void {
    const data = { direction: 'in', granted: true, by: 'plate', credential: VISITOR }
    admission.heard(GATE, { type: 'passage', severity: 'notice', at: momentNow(), data })
    camera.onPassage('v1', data, momentNow())
  }

  it('is one right while the car stands there, none while it drives off, and used up after that', async () => {
    await reads(10_000)
    expect(asked.length).toBeGreaterThan(2)
    expect(asked.every(({ granted, credential }) => granted && credential === VISITOR)).toBe(true)
    passes()
    const before = asked.length
    await reads(2_000)
    expect(asked).toHaveLength(before)
    await time.pass(10_000, 1_000)
    await reads(400)
    expect(asked.slice(before)).toMatchObject([{ granted: false, reason: 'used-up' }])
  })
})
