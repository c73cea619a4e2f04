import { describe, expect, it } from 'vitest'
import type { CommandRequest } from '../commands/desk.ts'
import type { Message } from '../contract/decode.ts'
import type { Address } from '../contract/topic.ts'
import { createDevices } from '../devices/devices.ts'
import { atReaders, readerRequest } from './counter.ts'

const GATEWAY: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'gateway',
  device: 'gw-1',
}
const reader = { id: 'r1', gate: 'd1', status: 'not-installed', since: '2026-11-23T00:00:00.000Z' }

function start() {
  const devices = createDevices()
  const sent: CommandRequest[] = []
  const retained = (channel: string, value: object) =>
    devices.apply({ kind: channel, topic: { ...GATEWAY, channel }, [channel]: value } as unknown as Message)
  retained('state', { version: '1', readers: [reader] })
  const result = { id: 'c1', name: 'reader-install', status: 'succeeded', at: reader.since } as const
  const send = async (request: CommandRequest) => {
    sent.push(request)
    return result
  }
  return { deps: { devices, send }, sent, retained, result }
}

describe('what the command line asks about readers', () => {
  it('is how they are, and whether their gateway is there to say so', async () => {
    const { deps, retained } = start()
    const listed = (online: boolean) => ({ type: 'readers', readers: [{ gateway: 'gw-1', online, ...reader }] })
    expect(await atReaders(deps, { type: 'readers' })).toEqual(listed(false))
    retained('availability', { status: 'online' })
    expect(await atReaders(deps, { type: 'readers' })).toEqual(listed(true))
  })

  it('is to have one installed, in the name of an installer', async () => {
    const { deps, sent, result } = start()
    const request = { type: 'reader-install', gateway: 'gw-1', reader: 'r1' } as const
    expect(await atReaders(deps, request)).toEqual({ type: 'ended', result })
    expect(sent).toMatchObject([
      { address: GATEWAY, name: 'reader-install', args: { reader: 'r1' }, actor: { kind: 'installer' } },
    ])
    await expect(atReaders(deps, { ...request, gateway: 'gw-9' })).rejects.toMatchObject({
      code: 'GATEWAY_UNKNOWN',
      message: 'there is no gateway gw-9; gateways: gw-1',
    })
    expect(sent).toHaveLength(1)
  })

  it.each([null, 7, {}, { type: 'list' }, { type: 'reader-install', gateway: 'gw-1' }])('is not %j', (value) => {
    expect(readerRequest(value)).toBeUndefined()
  })
})
