import { expect, it } from 'vitest'
import { onDamage } from './damage-watch.ts'
import { createMemoryDisk } from './memory-backend.ts'
import { openMemoryLog } from './open.ts'
import type { Recovery } from './types.ts'

it('tells once of each damage that may have taken something of the lane, after the commit that met it', async () => {
  const log = await openMemoryLog(createMemoryDisk(), { lanes: [{ name: 'a', kind: 'queue', evict: 'never' }] })
  let recovery: Recovery | undefined
  const heard: string[] = []
  const watched = { onCommit: log.onCommit, recovery: () => recovery }
  const stop = onDamage(watched, 'a', ({ message }) => heard.push(message))
  const append = () => log.append({ lane: 'a', topic: 't', payload: Buffer.from('x'), time_ms: 0 })
  const damage = (message: string, isDoubtful: boolean) => {
    recovery = { message, lanes: { a: { entries: 1, isDoubtful, to: 1 }, b: { entries: 1, isDoubtful: true, to: 1 } } }
  }
  await append()
  expect(heard).toEqual([])
  damage('one', true)
  await append()
  await append()
  expect(heard).toEqual(['one'])
  damage('two', false)
  await append()
  damage('three', true)
  await append()
  expect(heard).toEqual(['one', 'three'])
  stop()
  damage('four', true)
  await append()
  expect(heard).toEqual(['one', 'three'])
  log.kill()
})
