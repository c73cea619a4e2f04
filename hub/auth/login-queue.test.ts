import { describe, expect, it } from 'vitest'
import { createLoginQueue } from './login-queue.ts'

describe('the login queue', () => {
  function slowVerifier() {
    const open: Array<(good: boolean) => void> = []
    let most = 0
    let under = 0
    const verify = (secret: string) => {
      under++
      most = Math.max(most, under)
      return new Promise<boolean>((resolve) =>
        open.push(() => {
          under--
          resolve(secret === 'right')
        }),
      )
    }
    const release = async () => {
      await new Promise((resolve) => setImmediate(resolve))
      for (let next = open.shift(); next; next = open.shift()) {
        next(true)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    return { verify, release, most: () => most }
  }

  it('checks two at once, lets 200 wait and refuses the rest, and serves again afterwards', async () => {
    const { verify, release, most } = slowVerifier()
    const queued = createLoginQueue(verify)
    const flood = Array.from({ length: 300 }, (_, n) =>
      queued(`wrong ${n}`, 'stored').catch((error: { code: string }) => error.code),
    )
    await release()
    const answers = await Promise.all(flood)
    expect(most()).toBe(2)
    expect(answers.filter((answer) => answer === 'LOGIN_BUSY')).toHaveLength(98)
    expect(answers.filter((answer) => answer === false)).toHaveLength(202)
    const after = queued('right', 'stored')
    await release()
    expect(await after).toBe(true)
  })

  it('knows a good secret again in the middle of a flood, and only for the same account as it is now', async () => {
    const { verify, release } = slowVerifier()
    const queued = createLoginQueue(verify)
    const first = queued('right', 'stored')
    await release()
    expect(await first).toBe(true)
    const flood = Array.from({ length: 202 }, () => queued('wrong', 'stored'))
    expect(await queued('right', 'stored')).toBe(true)
    await expect(queued('right', 'changed')).rejects.toMatchObject({ code: 'LOGIN_BUSY' })
    await release()
    expect(await Promise.all(flood)).not.toContain(true)
  })
})
