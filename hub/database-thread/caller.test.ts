import { afterEach, describe, expect, it } from 'vitest'
import { createDatabaseThread, type ThreadStore } from './caller.ts'

/** A store that counts its calls, says which thread it is in, and can fail or end it. */
const SOURCE = `
import { threadId } from 'node:worker_threads'
export function createInThread(first) {
  let count = first
  return {
    next: async () => ++count,
    thread: async () => threadId,
    fail: async () => { throw new Error('broken') },
    die: async () => process.exit(3),
    forever: () => new Promise(() => undefined),
    close: async () => undefined,
  }
}`
const module = new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`)

const stores: ThreadStore[] = []
function twoStores(): [ThreadStore, ThreadStore] {
  const thread = createDatabaseThread()
  const [a, b] = [
    thread.store({ module, data: 0, name: 'a', code: 'A_IO' }),
    thread.store({ module, data: 100, name: 'b', code: 'B_IO' }),
  ]
  stores.push(a, b)
  return [a, b]
}
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
})

describe('stores in one thread', () => {
  it('are called each by itself, in order, and fail each with its own code', async () => {
    const [a, b] = twoStores()
    expect(await Promise.all([a.call('next'), b.call('next'), a.call('next'), b.call('next')])).toEqual([
      1, 101, 2, 102,
    ])
    expect(await a.call('thread')).toBe(await b.call('thread'))
    await expect(a.call('fail')).rejects.toMatchObject({ code: 'A_IO', message: 'broken' })
    await expect(b.call('fail')).rejects.toMatchObject({ code: 'B_IO', kind: 'fault' })
  })

  it('outlive the close of the other; the last one ends the thread, and a later call begins a new one', async () => {
    const [a, b] = twoStores()
    const before = await a.call('thread')
    await b.call('next')
    await a.close()
    expect(await b.call('next')).toBe(102)
    expect(await b.call('thread')).toBe(before)
    await b.close()
    expect(await b.call('next')).toBe(101)
    expect(await b.call('thread')).not.toBe(before)
  })

  it('fail together when their thread ends, and begin anew at the next call', async () => {
    const [a, b] = twoStores()
    await Promise.all([a.call('next'), b.call('next')])
    const waits = expect(b.call('forever')).rejects.toMatchObject({
      code: 'B_IO',
      message: 'the thread of the b ended (code 3)',
    })
    await expect(a.call('die')).rejects.toMatchObject({ code: 'A_IO', message: 'the thread of the a ended (code 3)' })
    await waits
    expect(await Promise.all([a.call('next'), b.call('next')])).toEqual([1, 101])
  })

  it('take so many calls that wait, and no more; the other still answers', async () => {
    const [a, b] = twoStores()
    const waiting = Array.from({ length: 100 }, () => a.call('forever'))
    const ended = Promise.allSettled(waiting)
    await expect(a.call('next')).rejects.toMatchObject({ code: 'A_IO', message: expect.stringContaining('too many') })
    expect(await b.call('next')).toBe(101)
    await b.call('die').catch(() => undefined)
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('that cannot be made tell each call why', async () => {
    const broken = createDatabaseThread().store({
      module: new URL('data:text/javascript,)'),
      data: 0,
      name: 'c',
      code: 'C_IO',
    })
    stores.push(broken)
    await expect(broken.call('next')).rejects.toMatchObject({ code: 'C_IO' })
    await expect(broken.call('next')).rejects.toMatchObject({ code: 'C_IO' })
  })
})
