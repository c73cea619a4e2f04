import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Result } from '../contract/command.ts'
import { createFlowCommands, FLOW_COMMANDS_DEFAULTS } from './commands.ts'
import type { CommandRequest } from './hub-port.ts'
import { type CommandMessage, decodeFromFlows } from './ipc.ts'
import { createTokenBucket } from './token-bucket.ts'

const address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'g',
  class: 'alarm-button' as const,
  device: 'b1',
}
const command = (id: string): CommandMessage => ({
  type: 'command',
  id,
  address,
  name: 'siren',
  args: { on: true },
  ttl_ms: 1000,
  flow: 'n1',
})
const report = async () => {}
const succeeded: Result = { id: 'x', name: 'siren', status: 'succeeded', at: '2026-11-23T00:00:00.000Z' }

describe('commands of flows', () => {
  it('are sent as a flow, whoever the flow says it is', async () => {
    const sent: CommandRequest[] = []
    const send = async (request: CommandRequest) => {
      sent.push(request)
      return succeeded
    }
    const commands = createFlowCommands({ clock: () => 0, hub: { send, report } }, FLOW_COMMANDS_DEFAULTS)
    const answer = await new Promise<Result>((resolve) => commands.handle(command('a'), resolve))
    expect(answer).toBe(succeeded)
    expect(sent).toEqual([
      { address, name: 'siren', args: { on: true }, ttl_ms: 1000, actor: { kind: 'flow', id: 'n1' } },
    ])
  })

  it('are refused above the rate, and let through again a second later', () => {
    let now = 0
    const answers: Result[] = []
    const commands = createFlowCommands(
      { clock: () => now, hub: { send: () => new Promise(() => {}), report } },
      FLOW_COMMANDS_DEFAULTS,
    )
    for (let n = 0; n < 60; n += 1) commands.handle(command(`c${n}`), (result) => answers.push(result))
    expect(answers).toHaveLength(10)
    expect(answers[0]).toMatchObject({ id: 'c50', status: 'refused', code: 'FLOWS_RATE_LIMITED' })
    now = 1000
    for (let n = 0; n < 51; n += 1) commands.handle(command(`d${n}`), (result) => answers.push(result))
    expect(answers).toHaveLength(11)
  })

  it('are refused when too many have no result', () => {
    const answers: Result[] = []
    const commands = createFlowCommands(
      { clock: () => 0, hub: { send: () => new Promise(() => {}), report } },
      { ...FLOW_COMMANDS_DEFAULTS, pending_max: 1 },
    )
    for (const id of ['a', 'b']) commands.handle(command(id), (result) => answers.push(result))
    expect(answers).toMatchObject([{ id: 'b', code: 'FLOWS_BUSY' }])
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
  ])('are answered even when the hub %s', async (_how, send) => {
    const commands = createFlowCommands({ clock: () => 0, hub: { send, report } }, FLOW_COMMANDS_DEFAULTS)
    const answer = await new Promise<Result>((resolve) => commands.handle(command('a'), resolve))
    expect(answer).toMatchObject({ status: 'failed', code: 'FLOWS_HUB_FAILED', message: 'broken' })
    expect(commands.counts.pending).toBe(0)
  })
})

describe('token bucket', () => {
  it('never lets more through than burst and rate allow, also when the clock steps back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 200 }), { maxLength: 200 }), (waits) => {
        const bucket = createTokenBucket({ per_s: 10, burst: 5 })
        let now = 0
        let forward_ms = 0
        let taken = 0
        for (const wait of waits) {
          now += wait
          forward_ms += Math.max(0, wait)
          if (bucket.take(now)) taken += 1
        }
        expect(taken).toBeLessThanOrEqual(5 + (forward_ms * 10) / 1000)
      }),
    )
  })
})

describe('messages of the flows process', () => {
  it('are decoded when they are right', () => {
    expect(decodeFromFlows(command('a'))).toEqual({ ok: true, value: command('a') })
    expect(decodeFromFlows({ type: 'seen', seq: 3 }).ok).toBe(true)
  })

  it.each([
    [null, '/type'],
    [{ type: '__proto__' }, '/type'],
    [{ type: 'constructor' }, '/type'],
    [{ type: 'pong', n: 1 }, '/rss_bytes'],
    [{ ...command('a'), ttl_ms: 1e9 }, '/ttl_ms'],
    [{ ...command('a/b') }, '/id'],
    [{ ...command('a'), address: { ...address, device: '../x' } }, '/address/device'],
    [{ ...command('a'), address: { ...address, class: 'bomb' } }, '/address/class'],
  ])('are refused with the path of what is wrong: %j', (message, path) => {
    expect(decodeFromFlows(message)).toMatchObject({ ok: false, error: { code: 'FLOWS_MESSAGE_INVALID', path } })
  })

  it('never throw', () => {
    const types = fc.constantFrom('ready', 'pong', 'seen', 'command', 'x')
    fc.assert(
      fc.property(fc.anything(), types, (value, type) => {
        decodeFromFlows(value)
        decodeFromFlows({ ...(value as object), type })
      }),
    )
  })
})
