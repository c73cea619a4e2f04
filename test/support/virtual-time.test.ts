import { afterEach, expect, it } from 'vitest'
import { createRandom } from '../../hardware-sim/random.ts'
import { createVirtualTime, type VirtualTime } from './virtual-time.ts'

let time: VirtualTime | undefined
afterEach(() => time?.restore())

it('rings timers in order, also when others are refreshed and cleared meanwhile', async () => {
  const virtual = createVirtualTime('2026-03-01T00:00:00Z', 1)
  time = virtual
  const random = createRandom(7)
  const lates: number[] = []
  const waiting: Array<NodeJS.Timeout & { due_ms?: number; length_ms?: number }> = []
  const start = () => {
    const length_ms = 1 + Math.floor(random() * 500)
    const timer: (typeof waiting)[number] = setTimeout(() => lates.push(Date.now() - (timer.due_ms ?? 0)), length_ms)
    timer.due_ms = Date.now() + length_ms
    timer.length_ms = length_ms
    waiting.push(timer)
  }
  for (let round = 0; round < 300; round++) {
    start()
    start()
    const one = waiting[Math.floor(random() * waiting.length)]
    if (one?.due_ms !== undefined && one.due_ms > Date.now()) {
      one.refresh()
      one.due_ms = Date.now() + (one.length_ms ?? 0)
    }
    await virtual.advance(10)
  }
  await virtual.advance(1000)
  expect(lates).toEqual(new Array(600).fill(0))
})
