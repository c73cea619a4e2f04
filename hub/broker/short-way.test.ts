import { duplexPair } from 'node:stream'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { connectPacket, field, packet } from '../../test/support/mqtt-bytes.ts'
import { login } from '../../test/support/mqtt-peer.ts'
import { type Broker, createBroker } from './broker.ts'
import type { Inbound, Verdict } from './ingest.ts'

/** What goes past Aedes, and what does not, by the same client at once: over connections in memory, with a door that the test opens. */

const WAIT = { timeout: 10_000, interval: 1 }
const [PUBACK, PUBREC] = [0x40, 0x50]
/** First bytes of a PUBLISH: plain, plain again, retained, QoS 0 and QoS 2. */
const FIRST_BYTES = [0x32, 0x3a, 0x33, 0x30, 0x34]
const TURNS_MAX = 4

let broker: Broker | undefined
afterEach(() => broker?.close())

/** `door` says when a message is through; it is then for everybody. */
async function open(door: (inbound: Inbound) => Promise<unknown>) {
  const taken: string[] = []
  const made = await createBroker({
    ingest: {
      async accept(_, inbound): Promise<Verdict> {
        taken.push(Buffer.from(inbound.payload).toString())
        const { payload } = inbound
        await door(inbound)
        return { kind: 'deliver', payload }
      },
    },
    authenticate: async ({ clientId }) => ({ role: 'dev', name: clientId }),
    log: { info() {}, warn() {} },
    events: { connected() {}, disconnected() {}, shed() {}, refused() {}, throttled() {} },
  })
  broker = made

  async function client(id: string) {
    const [near, far] = duplexPair()
    let bytes = Buffer.alloc(0)
    near.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece])
    })
    made.handle(far)
    near.write(connectPacket({ id }))
    await vi.waitFor(() => expect(bytes[0]).toBe(0x20), WAIT)
    bytes = bytes.subarray(4)
    return { write: (piece: Uint8Array) => near.write(piece), received: () => bytes }
  }
  return { taken, client, listen: async () => (await made.listen({ host: '127.0.0.1', port: 0 })).port }
}

function publish(first: number, id: number, payload: string): Buffer {
  const hasId = (first & 0x06) !== 0
  const topic = field(Buffer.from(first & 1 ? 't/kept' : 't/passing'))
  return packet(first, topic, ...(hasId ? [id >> 8, id & 0xff] : []), Buffer.from(payload))
}

/** Ids of the answers of a kind, each of four bytes, in their order. */
function answered(bytes: Buffer, kind: number): number[] {
  const ids: number[] = []
  for (let at = 0; at < bytes.length; at += 4) if (bytes[at] === kind) ids.push(bytes.readUInt16BE(at + 2))
  return ids
}

describe('the short way', () => {
  it('keeps the order of a client, also among what goes by Aedes, in whatever pieces it comes', async () => {
    const message = fc.record({
      first: fc.constantFrom(...FIRST_BYTES, 0x32, 0x32, 0x32),
      turns: fc.nat(TURNS_MAX),
      length: fc.nat(300),
    })
    const property = fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
      async (messages, cuts) => {
        const turns = new Map(messages.map((one, index) => [`${index} ${'x'.repeat(one.length)}`, one.turns]))
        const { taken, client } = await open(async ({ payload }) => {
          for (let left = turns.get(Buffer.from(payload).toString()) ?? 0; left > 0; left--)
            await new Promise((resolve) => setImmediate(resolve))
        })
        const { write, received } = await client('c')
        const sent = [...turns.keys()]
        const stream = Buffer.concat(messages.map(({ first }, index) => publish(first, index + 1, sent[index] ?? '')))
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const end = at + (cuts[cut % cuts.length] ?? 1)
          write(stream.subarray(at, end))
          if (cut % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
          at = end
        }
        const idsOf = (qos: number) =>
          messages.flatMap(({ first }, index) => (((first >> 1) & 3) === qos ? [index + 1] : []))
        await vi.waitFor(() => {
          expect(answered(received(), PUBACK)).toEqual(idsOf(1))
          expect(answered(received(), PUBREC)).toEqual(idsOf(2))
          expect(taken).toEqual(sent)
        }, WAIT)
        await broker?.close()
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })

  it('reads no more of a client than some pieces while nothing is through, and then goes on', async () => {
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    const { taken, listen } = await open(() => held)
    const peer = await login(await listen(), { id: 'greedy' })
    const count = 4_000
    const all = Array.from({ length: count }, (_, index) => publish(0x32, index + 1, `${index} ${'x'.repeat(500)}`))
    peer.send(Buffer.concat(all))
    await vi.waitFor(() => expect(taken.length).toBeGreaterThan(100), WAIT)
    const probe = await login(await listen(), { id: 'another' })
    probe.send(publish(0x30, 0, 'probe'))
    await vi.waitFor(() => expect(taken).toContain('probe'), WAIT)
    expect(taken.length).toBeLessThan(1_000)
    go()
    await peer.packets(PUBACK >> 4, count)
    expect(taken).toHaveLength(count + 1)
  })

  it('brings to whoever has subscribed what nobody had subscribed to before', async () => {
    const { client } = await open(async () => undefined)
    const publisher = await client('p')
    publisher.write(publish(0x32, 1, 'to nobody'))
    await vi.waitFor(() => expect(answered(publisher.received(), PUBACK)).toEqual([1]), WAIT)
    const subscriber = await client('s')
    subscriber.write(packet(0x82, 0, 1, field(Buffer.from('t/#')), 1))
    await vi.waitFor(() => expect(subscriber.received()[0]).toBe(0x90), WAIT)
    publisher.write(publish(0x32, 2, 'to somebody'))
    await vi.waitFor(() => expect(subscriber.received().includes('to somebody')).toBe(true), WAIT)
    expect(subscriber.received().includes('to nobody')).toBe(false)
  })
})
