import { describe, expect, it } from 'vitest'
import { decodeConfig } from '../config.ts'

const barrier = {
  kind: 'barrier',
  id: 'v1',
  board: 'a',
  place: {},
  direction: 'in',
  inputs: { up: { pin: 8 }, down: { pin: 9 }, safety: { pin: 10 } },
  outputs: { raise: 6, lower: 7 },
}
const camera = { id: 'cam-1', gate: 'v1', direction: 'in' }
const withCameras = (cameras: object, more: object = {}) =>
  JSON.stringify({
    gateway: 'gw-1',
    site: { street: 's', community: 'c', estate: 'e' },
    data: '/data',
    uplink: { url: 'mqtt://127.0.0.1:1883' },
    boards: [{ id: 'a', port: '/dev/a' }],
    devices: [barrier],
    credentials: { keyFile: '/key' },
    cameras,
    ...more,
  })

describe('the configuration of cameras', () => {
  it.each([
    [{ list: [camera] }],
    [{ listen: { port: 8090 }, list: [camera] }],
    [{ listen: { host: '::1', port: 8090 }, list: [camera] }],
    [{ listen: { host: '0.0.0.0', port: 8090 }, list: [{ ...camera, tokenFile: '/token', silentAfter_s: 120 }] }],
  ])('%j is good', (cameras) => {
    expect(decodeConfig(withCameras(cameras))).toMatchObject({ ok: true, value: { cameras } })
  })

  it.each([
    [{ list: [] }, '/cameras/list'],
    [{ list: [{ ...camera, gate: 'v2' }] }, '/cameras/list/0/gate'],
    [{ list: [camera, camera] }, '/cameras/list/1/id'],
    [{ list: [{ ...camera, direction: 'both' }] }, '/cameras/list/0/direction'],
    [{ listen: { host: '0.0.0.0', port: 8090 }, list: [camera] }, '/cameras/list/0/tokenFile'],
    [{ listen: { host: 'localhost', port: 8090 }, list: [camera] }, '/cameras/listen/host'],
    [{ listen: { port: 0 }, list: [camera] }, '/cameras/listen/port'],
  ])('%j is refused at %s', (cameras, path) => {
    const decoded = decodeConfig(withCameras(cameras))
    expect(!decoded.ok && [decoded.error.code, decoded.error.path]).toEqual(['CONFIG_INVALID', path])
    expect(!decoded.ok && decoded.error.message).toContain(path)
  })

  it('is refused without credentials to decide by', () => {
    const decoded = decodeConfig(withCameras({ list: [camera] }, { credentials: undefined }))
    expect(!decoded.ok && decoded.error.path).toBe('/credentials')
  })
})
