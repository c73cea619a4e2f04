import { describe, expect, it } from 'vitest'
import { parseTopic, type Topic } from '../contract/topic.ts'
import { mayPublish, maySubscribe, type Principal } from './access.ts'

const site = { street: 's', community: 'c', estate: 'e' }
const gateway: Principal = { role: 'gateway', name: 'gw-1', site, gateway: 'gw-1' }
const platform: Principal = { role: 'platform', name: 'city', site }
const camera: Principal = { role: 'camera', name: 'cam-1', site, gateway: 'gw-1', camera: 'cam-1' }
const homeAssistant: Principal = { role: 'home-assistant', name: 'ha', site }
const dev: Principal = { role: 'dev', name: 'anyone' }
/** The columns of the rows below. */
const all = [gateway, camera, platform, dev]

function topic(text: string): Topic {
  const parsed = parseTopic(text)
  if (!parsed.ok) throw parsed.error
  return parsed.value
}

const OWN = 'linli/v1/s/c/e/gw-1/alarm-button/b1'
const OTHER_GATEWAY = 'linli/v1/s/c/e/gw-2/alarm-button/b1'
const OTHER_ESTATE = 'linli/v1/s/c/x/gw-1/alarm-button/b1'

const CAMERA = 'linli/v1/s/c/e/gw-1/camera/cam-1'

describe('Home Assistant', () => {
  it.each([`${OWN}/cmd/siren/1`, `${OWN}/state`, `${OWN}/res/1`, `${CAMERA}/plate`])('may not publish %s', (text) => {
    expect(mayPublish(homeAssistant, topic(text))).toBe(false)
  })

  it.each([
    [`${OWN}/state`, true],
    [`${OWN}/avail`, true],
    [`${OWN}/tele`, true],
    [`${OWN}/evt/+`, true],
    [`${OWN}/res/+`, true],
    ['homeassistant/#', true],
    ['homeassistant/+/+/config', true],
    [`${OWN}/cmd/+/+`, false],
    [`${OWN}/#`, false],
    [`${CAMERA}/plate`, false],
    ['linli/v1/s/c/e/+/+/+/state', false],
    ['linli/v1/s/c/e/#', false],
    [`${OTHER_ESTATE}/state`, false],
    ['linli-ha/#', false],
    ['#', false],
    ['+/+/config', false],
    ['$SYS/#', false],
  ])('may subscribe %s: %s', (filter, allowed) => {
    expect(maySubscribe(homeAssistant, filter)).toBe(allowed)
  })
})

describe('access table', () => {
  it.each([
    [`${OWN}/evt/pressed`, [true, false, false, true]],
    [`${OWN}/state`, [true, false, false, true]],
    [`${OWN}/res/1`, [true, false, false, true]],
    [`${OWN}/cmd/siren/1`, [false, false, true, true]],
    [`${OTHER_GATEWAY}/evt/pressed`, [false, false, false, true]],
    [`${OTHER_GATEWAY}/cmd/siren/1`, [false, false, true, true]],
    [`${OTHER_ESTATE}/evt/pressed`, [false, false, false, true]],
    [`${OTHER_ESTATE}/cmd/siren/1`, [false, false, false, true]],
    [`${CAMERA}/plate`, [false, true, false, true]],
    [`${CAMERA}/avail`, [true, false, false, true]],
    [`${CAMERA}/state`, [true, false, false, true]],
    ['linli/v1/s/c/e/gw-1/camera/cam-2/plate', [false, false, false, true]],
    ['linli/v1/s/c/e/gw-2/camera/cam-1/plate', [false, false, false, true]],
    ['linli/v1/s/c/x/gw-1/camera/cam-1/plate', [false, false, false, true]],
  ])('publish %s', (text, allowed) => {
    expect(all.map((one) => mayPublish(one, topic(text)))).toEqual(allowed)
  })

  it.each([
    ['linli/v1/s/c/e/gw-1/+/+/cmd/+/+', [true, false, true, true]],
    ['linli/v1/s/c/e/gw-1/alarm-button/b1/cmd/#', [true, false, true, true]],
    ['linli/v1/s/c/e/gw-1/#', [false, false, true, true]],
    ['linli/v1/s/c/e/+/+/+/cmd/+/+', [false, false, true, true]],
    ['linli/v1/s/c/e/gw-10/+/+/cmd/+/+', [false, false, true, true]],
    ['linli/v1/s/c/e/gw-1/camera/+/plate', [true, false, false, true]],
    ['linli/v1/s/c/e/gw-1/camera/cam-1/plate', [false, false, false, true]],
    ['linli/v1/s/c/e/gw-2/camera/+/plate', [false, false, false, true]],
    ['linli/v1/s/c/e/+/camera/+/plate', [false, false, false, true]],
    ['linli/v1/s/c/e/gw-1/camera/cam-1/#', [false, false, true, true]],
    ['linli/v1/s/c/#', [false, false, false, true]],
    ['linli/v1/s/c/e2/#', [false, false, false, true]],
    ['#', [false, false, false, true]],
    ['$SYS/#', [false, false, false, true]],
  ])('subscribe %s', (filter, allowed) => {
    expect(all.map((one) => maySubscribe(one, filter))).toEqual(allowed)
  })
})
