import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Estate, WAIT } from '../support/estate.ts'

/** The shipped flow on the real runtime, and what happens to alarms when it dies or hangs: nothing. */

describe('flows', () => {
  const estate = new Estate({ boards: [['b1', 'b2']], flows: true })
  beforeAll(async () => {
    await estate.start()
    await running()
  })
  afterAll(() => estate.end())

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${estate.httpUrl}/metrics`)).text()
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(text)?.[1] ?? 0)
  }
  const running = () => vi.waitFor(async () => expect(await metric('linli_flows_running')).toBe(1), WAIT)
  const output = (name: string) =>
    estate.sim.lines.findLast(
      (line) => line.includes('"output"') && line.includes('"b1"') && line.includes(`"${name}"`),
    )

  it('an alarm turns on siren and lamp of its place, a reset turns them off', async () => {
    estate.press('b1', 120)
    await vi.waitFor(
      () => expect([output('siren'), output('lamp')].every((line) => line?.includes('"on":true'))).toBe(true),
      WAIT,
    )
    await vi.waitFor(
      () => expect(estate.retained('alarm-button/b1/state')).toMatchObject({ siren: true, lamp: true }),
      WAIT,
    )
    estate.press('b1', 3600)
    await vi.waitFor(() => expect(estate.events('cancelled')).toHaveLength(1), WAIT)
    await vi.waitFor(
      () => expect([output('siren'), output('lamp')].every((line) => line?.includes('"on":false'))).toBe(true),
      WAIT,
    )
  })

  it('killed: alarms go on and it comes back', async () => {
    const restarts = await flowsPid()
    process.kill(restarts, 'SIGKILL')
    const before = estate.events('pressed').length
    estate.press('b2', 120)
    await vi.waitFor(() => expect(estate.events('pressed')).toHaveLength(before + 1), WAIT)
    await vi.waitFor(async () => expect(await flowsPid()).not.toBe(restarts), WAIT)
    await running()
  })

  it('hung: alarms go on, the watchdog replaces it', async () => {
    const pid = await flowsPid()
    process.kill(pid, 'SIGSTOP')
    const before = estate.events('pressed').length
    estate.press('b2', 120)
    await vi.waitFor(() => expect(estate.events('pressed')).toHaveLength(before + 1), WAIT)
    await vi.waitFor(async () => expect(await flowsPid()).not.toBe(pid), WAIT)
    await running()
  })

  async function flowsPid(): Promise<number> {
    const health = (await (await fetch(`${estate.httpUrl}/healthz`)).json()) as { flows: { pid?: number } }
    expect(health.flows.pid).toBeTypeOf('number')
    return health.flows.pid ?? 0
  }
})
