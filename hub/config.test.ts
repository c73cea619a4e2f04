import { describe, expect, it } from 'vitest'
import { type HubOptions, hubConfig } from './config.ts'

const options: HubOptions = {
  data: 'd',
  site: 's/c/e',
  name: 'hub-1',
  host: '127.0.0.1',
  mqttPort: '1883',
  httpPort: '0',
  mqttsPort: '8883',
  httpsPort: '8443',
  flows: true,
  logLevel: 'info',
  historyRawDays: '30',
  historyMinuteDays: '365',
  flapChanges: '10',
  selfTest: '120',
  language: 'zh',
}

describe('hub options', () => {
  it('turns strings into a config', () => {
    expect(hubConfig({ ...options, upstream: 'mqtt://h:1' })).toMatchObject({
      site: { street: 's', community: 'c', estate: 'e' },
      mqttPort: 1883,
      httpPort: 0,
      upstreams: [{ name: 'upstream', url: 'mqtt://h:1', commands: 'all', start: 'oldest' }],
      dev: false,
    })
  })

  it('speaks without TLS on loopback only, and MQTT only when asked to', () => {
    const { mqttPort: _mqttPort, host: _host, ...rest } = options
    expect(hubConfig(rest)).toMatchObject({
      host: '127.0.0.1',
      mqttPort: undefined,
      tls: { host: '0.0.0.0', mqttsPort: 8883, httpsPort: 8443 },
    })
    expect(hubConfig({ ...options, host: '192.0.2.1' })).toMatchObject({
      host: '127.0.0.1',
      tls: { host: '192.0.2.1' },
    })
    expect(hubConfig({ ...rest, dev: true })).toMatchObject({ mqttPort: 1883, tls: undefined })
  })

  it('shows nothing in Home Assistant and lets it open nothing unless told so', () => {
    expect(hubConfig(options).homeAssistant).toBeUndefined()
    expect(hubConfig({ ...options, homeAssistant: true }).homeAssistant).toEqual({ language: 'zh', mayOpen: false })
    const open = { homeAssistant: true, homeAssistantMayOpen: true, language: 'en' }
    expect(hubConfig({ ...options, ...open }).homeAssistant).toEqual({ language: 'en', mayOpen: true })
  })

  it.each<[string, Partial<HubOptions>]>([
    ['--language', { language: 'fr' }],
    ['--home-assistant-may-open', { homeAssistantMayOpen: true }],
    ['--mqtt-port', { mqttPort: '70000' }],
    ['--mqtt-port', { mqttPort: '-1' }],
    ['--http-port', { httpPort: '80 80' }],
    ['--site', { site: 'only/two' }],
    ['--site', { site: 'A/b/c' }],
    ['--upstream', { upstream: '127.0.0.1:1883' }],
    ['--upstream', { upstream: 'http://h:1' }],
    ['--name', { name: 'Hub 1' }],
    ['--log-level', { logLevel: 'loud' }],
    ['--history-raw-days', { historyRawDays: '1' }],
    ['--history-minute-days', { historyMinuteDays: 'x' }],
    ['--flap-changes', { flapChanges: '1' }],
    ['--flap-changes', { flapChanges: 'often' }],
    ['--dev', { dev: true, host: '0.0.0.0' }],
    ['--dev', { dev: true, host: '192.168.1.4' }],
  ])('names %s when it is wrong', (name, wrong) => {
    expect(() => hubConfig({ ...options, ...wrong })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', kind: 'caller', message: expect.stringContaining(name) }),
    )
  })

  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('lets --dev bind %s', (host) => {
    expect(hubConfig({ ...options, dev: true, host }).dev).toBe(true)
  })
})
