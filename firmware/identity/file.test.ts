import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  PowerCut,
} from '../../hub/journal/test-support/crashing-folder.ts'
import { type IdentityFile, readIdentity, writeIdentity } from './file.ts'

describe('the identity of a gateway', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'linli-identity-'))
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))
  const identity = (name: string): IdentityFile => ({
    gateway: 'gw-1',
    hub: { host: '192.0.2.1', httpsPort: 8443, mqttsPort: 8883 },
    certificate: `-----BEGIN CERTIFICATE-----${name}`,
    key: `-----BEGIN PRIVATE KEY-----${name}`,
    authority: '-----BEGIN CERTIFICATE-----x',
  })

  it('is the old or the new one, with the key that belongs to it, whenever the power goes at a renewal', async () => {
    const disk = createDisk()
    await writeIdentity(crashingFolder(disk), identity('old'))
    for (let nth = 0; ; nth++) {
      const names = new Map([...disk.names].map(([name, file]) => [name, { ...file }]))
      const copy: Disk = { names, past: [new Map(names)] }
      let steps = 0
      const before = () => {
        if (++steps > nth) throw new PowerCut()
      }
      const isDone = await writeIdentity(crashingFolder(copy, { before }), identity('new')).then(
        () => true,
        () => false,
      )
      for (const share of [0, 0.3, 0.7, 1]) {
        const found = afterPowerCut(copy, () => share).names.get('identity.json')
        writeFileSync(join(dir, 'identity.json'), found?.content ?? '')
        expect(isDone ? [identity('new')] : [identity('old'), identity('new')]).toContainEqual(readIdentity(dir))
      }
      if (isDone) {
        expect(nth).toBeGreaterThan(3)
        return
      }
    }
  })
})
