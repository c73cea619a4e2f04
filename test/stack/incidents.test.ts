import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isFinal, type Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { Estate, SITE, WAIT } from '../support/estate.ts'
import { unique } from '../support/story.ts'

/** The life of an incident through real processes, the hub killed between every two steps, as the district sees it. */

const estate = new Estate()
beforeAll(() => estate.start())
afterAll(() => estate.end())

const told = () => unique(estate.events()).filter(({ gateway }) => gateway === 'hub')
const types = () => told().map(({ type }) => type)
const state = () => estate.retained('hub/incident/1/state')
const results = (id: string) =>
  estate
    .received()
    .filter(({ topic }) => topic.endsWith(`/res/${id}`))
    .map(({ payload }) => payload as unknown as Result)

/** As a platform that is connected to the hub gives it, and as it learns upstream what became of it. */
async function give(name: string, args: object = {}, device = '1'): Promise<Result> {
  const id = `${name}-${device}`
  const client = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: estate.mqttPort,
    clientId: 'desk',
    reconnectPeriod: 0,
  })
  const at_ms = Date.now()
  const command = {
    ...{ id, name, args },
    issuedat: new Date(at_ms).toISOString(),
    expiresat: new Date(at_ms + 60_000).toISOString(),
    actor: { kind: 'platform', id: 'district-desk' },
  }
  const topic = formatTopic({ ...SITE, gateway: 'hub', class: 'incident', device, channel: 'cmd', name, id })
  await client.publishAsync(topic, Buffer.from(encodeJson(command)), { qos: 1 })
  await client.endAsync(true)
  const final = await vi.waitFor(() => {
    const found = results(id).find(({ status }) => isFinal(status))
    if (!found) throw new Error(`no result of ${id}`)
    return found
  }, WAIT)
  return final
}

async function killHub(): Promise<void> {
  await estate.hub.kill()
  await estate.startHub()
}

describe('an incident', () => {
  it('goes from the button to an answered resident over a hub that is killed between every two steps', async () => {
    estate.press('b1')
    await vi.waitFor(() => expect(state()).toMatchObject({ status: 'raised', count: 1 }), WAIT)
    await killHub()
    estate.press('b1')
    await vi.waitFor(() => expect(state()).toMatchObject({ status: 'raised', count: 2 }), WAIT)
    const steps = {
      acknowledge: 'acknowledged',
      dispatch: 'dispatched',
      arrive: 'on-site',
      resolve: 'resolved',
      answer: 'answered',
    }
    for (const [name, status] of Object.entries(steps)) {
      await killHub()
      expect(await give(name, name === 'resolve' ? { text: '已处理' } : {})).toMatchObject({
        status: 'succeeded',
        data: { incident: '1', status },
      })
      await vi.waitFor(() => expect(state()).toMatchObject({ status }), WAIT)
    }
    await killHub()
    expect(await give('submit', { text: '楼道灯坏了', reference: 'app-7' }, 'new')).toMatchObject({
      data: { incident: '2' },
    })
    await vi.waitFor(() => expect(types()).toHaveLength(8), WAIT)
    expect(types()).toEqual([
      'raised',
      'repeated',
      'acknowledged',
      'dispatched',
      'on-site',
      'resolved',
      'answered',
      'raised',
    ])
    expect(state()).toMatchObject({ device: 'gw-1/alarm-button/b1', place: { building: 'building-1' }, text: '已处理' })
    for (const name of Object.keys(steps)) {
      const finals = results(`${name}-1`).filter(({ status }) => isFinal(status))
      expect(new Set(finals.map((one) => JSON.stringify(one))).size, name).toBe(1)
    }
    const story = JSON.stringify(told().map(({ data }) => data))
    expect(story).not.toContain('楼道灯')
    estate.expectConformity()
  })
})
