import { describe, expect, it } from 'vitest'
import { parseTopic, type Topic } from '../contract/topic.ts'
import { mayPublish, maySubscribe, type Principal } from './access.ts'

const site = { street: 's', community: 'c', estate: 'e' }
const gateway: Principal = { role: 'gateway', name: 'gw-1', site, gateway: 'gw-1' }
const platform: Principal = { role: 'platform', name: 'city', site }
const dev: Principal = { role: 'dev', name: 'anyone' }

function topic(text: string): Topic {
  const parsed = parseTopic(text)
  if (!parsed.ok) throw parsed.error
  return parsed.value
}

const OWN = 'linli/v1/s/c/e/gw-1/alarm-button/b1'
const OTHER_GATEWAY = 'linli/v1/s/c/e/gw-2/alarm-button/b1'
const OTHER_ESTATE = 'linli/v1/s/c/x/gw-1/alarm-button/b1'

describe('access table', () => {
  it.each([
    [`${OWN}/evt/pressed`, [true, false, true]],
    [`${OWN}/state`, [true, false, true]],
    [`${OWN}/res/1`, [true, false, true]],
    [`${OWN}/cmd/siren/1`, [false, true, true]],
    [`${OTHER_GATEWAY}/evt/pressed`, [false, false, true]],
    [`${OTHER_GATEWAY}/cmd/siren/1`, [false, true, true]],
    [`${OTHER_ESTATE}/evt/pressed`, [false, false, true]],
    [`${OTHER_ESTATE}/cmd/siren/1`, [false, false, true]],
  ])('publish %s', (text, [forGateway, forPlatform, forDev]) => {
    expect([mayPublish(gateway, topic(text)), mayPublish(platform, topic(text)), mayPublish(dev, topic(text))]).toEqual(
      [forGateway, forPlatform, forDev],
    )
  })

  it.each([
    ['linli/v1/s/c/e/gw-1/+/+/cmd/+/+', [true, true, true]],
    ['linli/v1/s/c/e/gw-1/alarm-button/b1/cmd/#', [true, true, true]],
    ['linli/v1/s/c/e/gw-1/#', [false, true, true]],
    ['linli/v1/s/c/e/+/+/+/cmd/+/+', [false, true, true]],
    ['linli/v1/s/c/e/gw-10/+/+/cmd/+/+', [false, true, true]],
    ['linli/v1/s/c/#', [false, false, true]],
    ['linli/v1/s/c/e2/#', [false, false, true]],
    ['#', [false, false, true]],
    ['$SYS/#', [false, false, true]],
  ])('subscribe %s', (filter, [forGateway, forPlatform, forDev]) => {
    expect([maySubscribe(gateway, filter), maySubscribe(platform, filter), maySubscribe(dev, filter)]).toEqual([
      forGateway,
      forPlatform,
      forDev,
    ])
  })
})
