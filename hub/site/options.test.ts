import { describe, expect, it } from 'vitest'
import type { HubOptions } from '../config.ts'
import { exampleSite } from './examples.ts'
import { restartNeeded, withSite } from './options.ts'

const options = { data: 'd', site: 'x/y/z', name: 'hub-1', httpPort: '8080', mqttsPort: '8883', language: 'zh' }
const asked = options as unknown as HubOptions

describe('a hub with site.json', () => {
  it('runs from it, and a flag counts for one run', () => {
    const site = {
      ...exampleSite(),
      language: 'en' as const,
      listen: { httpPort: 0, mqttPort: 1883, host: '10.0.0.1' },
    }
    expect(withSite(asked, (option) => option === 'name' || option === 'httpPort', { ...site, name: 'other' })).toEqual(
      {
        ...options,
        site: 'street/community/estate',
        language: 'en',
        host: '10.0.0.1',
        mqttPort: '1883',
      },
    )
  })

  it('says what it reads at its start only', () => {
    const site = exampleSite()
    expect(restartNeeded(site, exampleSite([]))).toEqual([])
    expect(restartNeeded(site, { ...site, timeZone: 'UTC', listen: { httpPort: 1 } })).toEqual(['timeZone', 'listen'])
  })
})
