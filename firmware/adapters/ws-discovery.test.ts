import { createSocket, type Socket } from 'node:dgram'
import { afterEach, describe, expect, it } from 'vitest'
import { discoverCameras, matchesIn } from './ws-discovery.ts'

const ID = 'urn:uuid:11111111-2222-3333-4444-555555555555'

interface Answer {
  id?: string
  endpoint?: string
  addresses?: string
  scopes?: string
}

/** As a camera of a large maker answers, with prefixes of its own. */
function answer({
  id = ID,
  endpoint = 'urn:uuid:cam-1',
  addresses = 'http://192.0.2.7/onvif/device_service',
  scopes = 'onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Entrance%20%E5%A4%A7%E9%97%A8 onvif://www.onvif.org/hardware/DS-2CD',
}: Answer = {}): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"
  xmlns:wsdd="http://schemas.xmlsoap.org/ws/2005/04/discovery">
  <env:Header><wsa:MessageID>urn:uuid:x</wsa:MessageID><wsa:RelatesTo>${id}</wsa:RelatesTo></env:Header>
  <env:Body><wsdd:ProbeMatches><wsdd:ProbeMatch>
    <wsa:EndpointReference><wsa:Address>${endpoint}</wsa:Address></wsa:EndpointReference>
    <wsdd:Scopes>${scopes}</wsdd:Scopes><wsdd:XAddrs>${addresses}</wsdd:XAddrs>
  </wsdd:ProbeMatch></wsdd:ProbeMatches></env:Body></env:Envelope>`
}

describe('an answer of a camera', () => {
  it('says where it speaks ONVIF, and what it is', () => {
    expect(matchesIn(answer(), ID)).toEqual([
      {
        endpoint: 'urn:uuid:cam-1',
        addresses: ['http://192.0.2.7/onvif/device_service'],
        name: 'Entrance 大门',
        hardware: 'DS-2CD',
      },
    ])
  })

  it.each([
    ['answers somebody else', answer({ id: 'urn:uuid:other' })],
    ['is no XML', 'HTTP/1.1 200 OK'],
    ['is cut off', answer().slice(0, -40)],
    ['has a doctype', answer().replace('<env:Envelope', '<!DOCTYPE x [<!ENTITY a "b">]><env:Envelope')],
    ['has an entity of its own', answer({ endpoint: '&a;' })],
    ['uses the names of another standard', answer().replace('2005/04/discovery', '2009/01')],
    ['has no address', answer({ addresses: '' })],
    ['has addresses that are none', answer({ addresses: 'javascript:alert(1) file:///etc/passwd x' })],
    ['is nested without end', answer({ scopes: '<a>'.repeat(20) + '</a>'.repeat(20) })],
  ])('is not taken when it %s', (_what, text) => {
    expect(matchesIn(text, ID)).toEqual([])
  })

  it('cannot write to the terminal', () => {
    const [camera] = matchesIn(answer({ scopes: 'onvif://www.onvif.org/name/%1B%5B2Jx%00' }), ID)
    expect(camera?.name).toBe('[2Jx')
  })
})

describe('a probe', () => {
  const sockets: Socket[] = []
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close()
  })
  /** @param answers to each probe, by its id */
  async function camera(answers: (id: string) => Array<string | Buffer>): Promise<number> {
    const socket = createSocket('udp4')
    sockets.push(socket)
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    socket.on('message', (probe, { port, address }) => {
      const id = /MessageID>([^<]+)</.exec(probe.toString())?.[1] ?? ''
      for (const one of answers(id)) socket.send(one, port, address)
    })
    return socket.address().port
  }

  it('is answered once for each camera, whatever else comes, and ends in time', async () => {
    const port = await camera((id) => [
      Buffer.alloc(60_000, 0xff),
      answer({ id: 'urn:uuid:x' }),
      answer({ id }),
      answer({ id }),
    ])
    const quiet = await camera(() => [])
    const seen: string[] = []
    const targets = [port, quiet].map((one) => ({ address: '127.0.0.1', port: one }))
    const found = await discoverCameras(targets, ({ name }) => seen.push(name), 1_000)
    expect(found).toMatchObject([{ name: 'Entrance 大门', addresses: ['http://192.0.2.7/onvif/device_service'] }])
    expect(seen).toEqual(['Entrance 大门'])
  })
})
