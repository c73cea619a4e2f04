import { createSocket } from 'node:dgram'
import { afterEach, describe, expect, it } from 'vitest'
import type { SimEvent } from '../../events.ts'
import { openCameras } from './cameras.ts'
import type { OnvifConfig } from './config.ts'
import { drawFrame } from './frame.ts'

const LOGIN = { user: 'admin', password: 'secret' }
const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function start(...onvif: Array<Partial<OnvifConfig> & { id: string }>) {
  const events: SimEvent[] = []
  const cameras = await openCameras(
    { onvif: onvif.map((one) => ({ port: 0, ...LOGIN, ...one })), discovery: { port: 0 } },
    { emit: (event) => events.push(event), now_ms: Date.now },
  )
  closers.push(cameras.close)
  return { cameras, events }
}

/** A client that half the world uses, and that has nothing of ours. */
async function clientOf(port: number, password = LOGIN.password) {
  const { Cam } = (await import('onvif/promises/index.js')) as unknown as {
    Cam: new (
      options: object,
    ) => {
      connect(): Promise<unknown>
      getSnapshotUri(options: object): Promise<{ uri: string }>
      getPresets(options: object): Promise<Record<string, string>>
      gotoPreset(options: object): Promise<unknown>
    }
  }
  const cam = new Cam({ hostname: '127.0.0.1', port, username: LOGIN.user, password, timeout: 20_000 })
  await cam.connect()
  return cam
}

describe('a simulated network camera', () => {
  it('is one for the client that others use: profiles, snapshot, views, in spite of its clock', async () => {
    const { cameras, events } = await start({ id: 'c1', presets: ['yard', 'gate'], clock_ms: 3_600_000 })
    const [{ port } = { port: 0 }] = cameras.places
    const cam = await clientOf(port)
    const main = { profileToken: 'main' }
    expect((await cam.getSnapshotUri(main)).uri).toBe(`http://127.0.0.1:${port}/snapshot?a=1&b=2`)
    expect(Object.keys(await cam.getPresets(main))).toEqual(['yard', 'gate'])
    await cam.gotoPreset({ ...main, preset: '2' })
    expect(events).toContainEqual(expect.objectContaining({ camera: 'c1', what: 'GotoPreset' }))
  })

  it('lets nobody in with another password, or without one', async () => {
    const { cameras } = await start({ id: 'c1' })
    const [{ port } = { port: 0 }] = cameras.places
    await expect(clientOf(port, 'wrong')).rejects.toThrow()
    const plain = await fetch(`http://127.0.0.1:${port}/snapshot`)
    expect(plain.status).toBe(401)
    expect(plain.headers.get('www-authenticate')).toContain('Digest ')
  })

  it('answers who looks for cameras', async () => {
    const { cameras } = await start({ id: 'c1' }, { id: 'c2' })
    const socket = createSocket('udp4')
    closers.push(() => new Promise((resolve) => socket.close(() => resolve())))
    const heard: string[] = []
    const both = new Promise<void>((resolve) =>
      socket.on('message', (bytes) => {
        if (heard.push(bytes.toString('utf8')) === 2) resolve()
      }),
    )
    const probe =
      '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">' +
      '<s:Header><a:MessageID>uuid:1</a:MessageID></s:Header><s:Body><Probe/></s:Body></s:Envelope>'
    socket.send(probe, cameras.discoveryPort ?? 0, '127.0.0.1')
    await both
    for (const { id, port } of cameras.places)
      expect(
        heard.filter((xml) => xml.includes(`name/${id} `) && xml.includes(`:${port}/onvif/device_service`)),
      ).toHaveLength(1)
  })

  it('never sees the same twice', () => {
    const pictures = [0, 10, 20].map((after_ms) => drawFrame('c1', 'home', 1_000_000 + after_ms).toString('base64'))
    expect(new Set(pictures).size).toBe(3)
  })
})
