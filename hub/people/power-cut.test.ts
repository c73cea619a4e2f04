import { expect, it } from 'vitest'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  type Faults,
  PowerCut,
} from '../journal/test-support/crashing-folder.ts'
import { peopleFile } from './files.ts'
import { openPeople, type People } from './people.ts'

it('people are the old or the new ones whenever the power goes, an admin always among them, and the next start has no complaint', async () => {
  const fellBack: object[] = []
  const on = (those: Disk, faults: Faults = {}) =>
    openPeople(peopleFile('/', (details) => fellBack.push(details), crashingFolder(those, faults)))
  const entry = (role: 'admin' | 'viewer', epoch: string) =>
    ({ role, language: 'zh', secret: 'scrypt$', epoch }) as const
  const disk = createDisk()
  await (await on(disk)).put('li', entry('admin', 'a'))
  // Another secret, somebody new, another role, a removal: what each state may be, in their order.
  const changes = [
    (people: People) => people.put('li', entry('admin', 'b')),
    (people: People) => people.put('王芳', entry('admin', 'c')),
    (people: People) => people.put('li', entry('viewer', 'd')),
    (people: People) => people.remove('li'),
  ]
  const stands = ['li:admin:a', 'li:admin:b', 'li:admin:b 王芳:admin:c', 'li:viewer:d 王芳:admin:c', '王芳:admin:c']
  let cuts = 0
  for (let nth = 0; ; nth++, cuts++) {
    const names = new Map([...disk.names].map(([name, one]) => [name, { ...one }]))
    const copy: Disk = { names, past: [new Map(names)] }
    let steps = 0
    const faulty = await on(copy, {
      before: () => {
        if (++steps > nth) throw new PowerCut()
      },
    })
    let done = 0
    try {
      for (const change of changes) {
        await change(faulty)
        done++
      }
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
    }
    for (const share of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
      const found = await on(afterPowerCut(copy, () => share))
      const stand = found.all().map(([name, { role, epoch }]) => `${name}:${role}:${epoch}`)
      expect(stands.slice(done, done + 2)).toContain(stand.join(' '))
    }
    if (done === changes.length) break
  }
  expect(cuts).toBeGreaterThan(24)
  expect(fellBack).toEqual([])
})
