import { afterEach, expect, it } from 'vitest'
import { VirtualEstate } from '../support/virtual-estate.ts'
import { createVirtualTime, type VirtualTime } from '../support/virtual-time.ts'

/** A day of presses with partitions, kills and unplugged boards, in seconds; then everything heals and all is there. */

const HOUR_MS = 3_600_000
/** LINLI_SEED repeats a run. */
const SEED = Number(process.env.LINLI_SEED ?? 20_261_123)

let time: VirtualTime | undefined
afterEach(() => time?.restore())

async function day(seed: number, hours: number): Promise<{ estate: VirtualEstate; trace: string[] }> {
  const virtual = createVirtualTime('2026-03-01T00:00:00Z')
  time = virtual
  const estate = new VirtualEstate(virtual, seed)
  await estate.start()
  const end_ms = Date.now() + hours * HOUR_MS
  while (Date.now() < end_ms) {
    await virtual.advance(Math.floor(-Math.log(1 - estate.random()) * 240_000))
    await happen(estate, virtual)
  }
  await estate.heal()
  const trace = estate.received.map(
    ({ topic, at_ms, payload }) => `${at_ms} ${topic} ${String(payload.id ?? payload.status ?? '')}`,
  )
  await estate.close()
  virtual.restore()
  return { estate, trace }
}

/** One thing that happens, and how long it lasts; mostly presses. */
async function happen(estate: VirtualEstate, virtual: VirtualTime): Promise<void> {
  const gateway = estate.gateways[Math.floor(estate.random() * 2)] ?? 'gw-1'
  const lasts_ms = Math.floor(estate.random() * 900_000)
  const dice = estate.random()
  if (dice < 0.8) return estate.press(gateway === 'gw-1' ? 'b1' : 'b2', 30 + Math.floor(estate.random() * 400))
  if (dice < 0.84)
    return during(
      virtual,
      lasts_ms,
      estate,
      () => estate.uplink(gateway).partition(),
      () => estate.uplink(gateway).heal(),
    )
  if (dice < 0.88)
    return during(
      virtual,
      lasts_ms,
      estate,
      () => estate.upstream.partition(),
      () => estate.upstream.heal(),
    )
  if (dice < 0.92)
    return during(
      virtual,
      lasts_ms % 60_000,
      estate,
      () => estate.killHub(),
      () => estate.startHub(),
    )
  if (dice < 0.96)
    return during(
      virtual,
      lasts_ms % 60_000,
      estate,
      () => estate.killGateway(gateway),
      () => estate.startGateway(gateway),
    )
  const index = estate.gateways.indexOf(gateway)
  return during(
    virtual,
    lasts_ms,
    estate,
    () => estate.unplug(index),
    () => estate.replug(index),
  )
}

/** People go on pressing while something is broken. */
async function during(
  virtual: VirtualTime,
  lasts_ms: number,
  estate: VirtualEstate,
  breaks: () => void | Promise<void>,
  mends: () => void | Promise<void>,
): Promise<void> {
  await breaks()
  const presses = 1 + Math.floor(estate.random() * 3)
  for (let n = 0; n < presses; n++) {
    await virtual.advance(Math.floor(lasts_ms / (presses + 1)) + 1)
    estate.press(estate.random() < 0.5 ? 'b1' : 'b2', 60)
  }
  await virtual.advance(Math.floor(lasts_ms / (presses + 1)) + 1)
  await mends()
}

it(`a day of presses, partitions and restarts (seed ${SEED}): nothing lost, nothing twice, order kept`, async () => {
  const { estate } = await day(SEED, 24)
  const MOMENT_MS = 1_000
  const gatewayOf = (device: string) => (device === 'b1' ? 'gw-1' : 'gw-2')
  const unseen = estate.presses.filter(({ device, at_ms }) =>
    estate.downs.some(
      (down) =>
        down.gateway === gatewayOf(device) && at_ms > down.from_ms - MOMENT_MS && at_ms < down.until_ms + MOMENT_MS,
    ),
  )
  const pressed = new Map(
    estate.received
      .filter(({ topic }) => topic.endsWith('/evt/pressed'))
      .map((message) => [String(message.payload.id), message]),
  )
  const times = [...pressed.values()].map(({ topic, payload }) => ({
    device: topic.split('/')[7],
    at_ms: Date.parse(String(payload.time)),
  }))
  const lost = estate.presses.filter(
    (press) =>
      !unseen.includes(press) &&
      !times.some(({ device, at_ms }) => device === press.device && Math.abs(at_ms - press.at_ms) < 200),
  )
  expect(lost).toEqual([])
  expect(pressed.size).toBeLessThanOrEqual(estate.presses.length)
  expect(pressed.size).toBeGreaterThan(200)
  const last = new Map<string, number>()
  for (const { topic, payload } of pressed.values()) {
    const key = `${topic} ${String(payload.bootid)}`
    expect(Number(payload.sequence)).toBeGreaterThan(last.get(key) ?? 0)
    last.set(key, Number(payload.sequence))
  }
})

it('two runs of a seed give the same trace', async () => {
  const first = await day(SEED + 1, 3)
  const second = await day(SEED + 1, 3)
  expect(first.trace.length).toBeGreaterThan(50)
  expect(second.trace).toEqual(first.trace)
})
