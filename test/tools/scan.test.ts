import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Program, startProgram } from '../support/program.ts'

/** `linli scan` on real serial lines and a real socket: what is there, and what is left alone. */

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))

describe('linli scan', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-scan-'))
  const [board, bus, used] = ['board', 'bus', 'used'].map((name) => join(dir, `tty-${name}`)) as [
    string,
    string,
    string,
  ]
  const camera = createSocket('udp4')
  let sim: Program

  function scan(...args: string[]): Promise<{ code: number | null; stdout: string }> {
    return new Promise((resolve) => {
      const ports = [board, bus, used].flatMap((one) => ['--port', one])
      const child = spawn(process.execPath, [LINLI, 'scan', ...ports, ...args], {
        env: { ...process.env, VITEST: '', LANG: 'C.UTF-8', LINLI_LANG: 'en' },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let stdout = ''
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString('utf8')
      })
      child.once('exit', (code) => resolve({ code, stdout }))
    })
  }

  beforeAll(async () => {
    const button = { kind: 'alarm-button', id: 'b1', contactPin: 2, lampPin: 5, sirenPin: 6 }
    const config = {
      boards: [
        { id: 'a', kind: 'protocol', baud: 57_600, port: board, devices: [button] },
        { id: 'b', kind: 'protocol', baud: 57_600, port: used, devices: [{ ...button, id: 'b2' }] },
      ],
      buses: [
        {
          id: 'bus',
          baud: 9600,
          port: bus,
          devices: [
            {
              kind: 'modbus-slave',
              id: 's',
              unit: 2,
              functions: [3, 4, 6, 16],
              input: [{ address: 1, values: [215, 480] }],
              holding: [{ address: 259, values: [0, 0] }],
              unit_register: 257,
            },
          ],
        },
      ],
    }
    writeFileSync(join(dir, 'sim.json'), JSON.stringify(config))
    sim = await startProgram('hardware-sim/main.ts', ['--config', join(dir, 'sim.json')])
    await new Promise<void>((resolve) => camera.bind(0, '127.0.0.1', resolve))
    camera.on('message', (probe, { port, address }) => {
      const id = /MessageID>([^<]+)</.exec(probe.toString())?.[1]
      camera.send(
        `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header><a:RelatesTo>${id}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:1</a:Address></a:EndpointReference><d:Scopes>onvif://www.onvif.org/name/Gate</d:Scopes><d:XAddrs>http://192.0.2.9/onvif</d:XAddrs></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>`,
        port,
        address,
      )
    })
  })
  afterAll(async () => {
    camera.close()
    await sim?.kill()
    rmSync(dir, { recursive: true, force: true })
  })

  it('finds board, unit and camera, says how to use them, and leaves alone what is in use', async () => {
    const held = openSync(used, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
    const { port } = camera.address()
    const { code, stdout } = await scan('--camera', `127.0.0.1:${port}`, '--json').finally(() => closeSync(held))
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      boards: expect.arrayContaining([{ path: board, firmware: 'StandardFirmata.ino', version: '2.5' }]),
      buses: expect.arrayContaining([{ path: bus, units: [expect.objectContaining({ unit: 2, baud: 9600 })] }]),
      cameras: [{ name: 'Gate', addresses: ['http://192.0.2.9/onvif'] }],
      lines: expect.arrayContaining([
        expect.objectContaining({ path: used, usedBy: { pid: process.pid, program: expect.stringMatching(/^node/) } }),
      ]),
    })
  })

  it('is told wrongly with 2', async () => {
    expect((await scan('--only', 'ghosts')).code).toBe(2)
  })
})
