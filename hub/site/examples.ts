import type { SiteConfig, SiteDevice } from './schema.ts'

/** Sites for tests. */

export function exampleButton(id: string, contactPin: number): SiteDevice {
  return { kind: 'alarm-button', id, place: { building: '1', spot: 'lobby' }, board: 'board-a', contactPin }
}

export function exampleSite(devices: SiteDevice[] = [exampleButton('b1', 2)]): SiteConfig {
  return {
    version: 1,
    site: 'street/community/estate',
    name: 'hub-1',
    language: 'zh',
    timeZone: 'Asia/Shanghai',
    gateways: { 'gw-1': { boards: [{ id: 'board-a', port: '/dev/ttyACM0' }], devices } },
  }
}
