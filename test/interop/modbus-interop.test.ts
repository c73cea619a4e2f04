import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createSerialBytePort } from '../../firmware/adapters/serialport.ts'
import { silentLogger } from '../../firmware/ports/logger.ts'
import type { RegisterBus } from '../../firmware/ports/register-bus.ts'
import { createModbusBus } from '../../firmware/protocols/modbus/bus.ts'
import { needs, programPath } from '../support/needs.ts'
import { type Program, startProgram } from '../support/program.ts'

/**
 * libmodbus, which shares nothing with us, as a master against our slaves, and as the judge of what our master wrote. A pty
 * carries no parity, so it speaks 8N1 to a line that is paced as 8E1.
 */

const run = promisify(execFile)

const sensor = (id: string, unit: number, model: string) => ({ kind: 'park-sensor', id, unit, park: 'p1', model })
const devices = [
  sensor('air', 1, 'xy-md02'),
  sensor('light', 2, 'nhzd210'),
  {
    kind: 'modbus-slave',
    id: 'plain',
    unit: 3,
    coil: [{ address: 16, values: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }],
    discrete: [{ address: 0, values: [1, 0, 0, 1, 1, 0, 1, 0, 1] }],
    // 1.5 as a float, high word first, behind three numbers.
    holding: [{ address: 0, values: [1, 65_535, 3, 0x3fc0, 0] }],
    input: [{ address: 100, values: [0x0001, 0x86a0] }],
  },
  { kind: 'relay-module', id: 'relays', unit: 11 },
]

needs('mbpoll', 'mbpoll')('libmodbus', () => {
  let folder: string
  let sim: Program
  const port = () => join(folder, 'line')

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'linli-interop-'))
    const config = join(folder, 'sim.json')
    await writeFile(
      config,
      JSON.stringify({
        boards: [],
        parks: [{ id: 'p1', outputs: { valve: 'relays/3' } }],
        city: { start: '2026-06-12T14:00:00+08:00' },
        buses: [{ id: 'line', baud: 19_200, parity: 'even', port: port(), devices }],
      }),
    )
    sim = await startProgram('hardware-sim/main.ts', ['--config', config])
  })
  afterAll(async () => {
    await sim.stop()
    await rm(folder, { recursive: true })
  })

  const general = ['-m', 'rtu', '-b', '19200', '-P', 'none', '-1', '-0', '-o', '1']

  /** Values by their address, as mbpoll prints them. */
  async function read(unit: number, type: string, from: number, count: number): Promise<number[]> {
    const place = ['-a', String(unit), '-t', type, '-r', String(from), '-c', String(count)]
    const { stdout } = await run(programPath('mbpoll') ?? '', [...general, ...place, port()])
    return [...stdout.matchAll(/^\[\d+\]:\s+(\S+)/gm)].map(([, value]) => Number(value))
  }

  async function write(unit: number, type: string, from: number, ...values: number[]): Promise<void> {
    const place = ['-a', String(unit), '-t', type, '-r', String(from)]
    await run(programPath('mbpoll') ?? '', [...general, ...place, port(), ...values.map(String)])
  }

  /** Our own master on the same line; libmodbus waits outside meanwhile. */
  async function withOurs<T>(use: (bus: RegisterBus) => Promise<T>): Promise<T> {
    const settings = { baud: 19_200, parity: 'even', stopBits: 1 } as const
    const bus = createModbusBus(
      { port: createSerialBytePort({ path: port(), ...settings }), random: () => 0.5, log: silentLogger },
      { id: 'line', ...settings },
    )
    const up = new Promise<void>((resolve) =>
      bus.onStatus((status) => status.type === 'line' && status.up && resolve()),
    )
    bus.start()
    await up
    try {
      return await use(bus)
    } finally {
      await bus.close()
    }
  }

  it('reads all four tables of our slaves, and 32 bits of them', async () => {
    expect(await read(3, '1', 0, 9)).toEqual([1, 0, 0, 1, 1, 0, 1, 0, 1])
    expect(await read(3, '4', 0, 5)).toEqual([1, 65_535, 3, 0x3fc0, 0])
    expect(await read(3, '0', 16, 10)).toEqual(new Array(10).fill(0))
    const { stdout } = await run(programPath('mbpoll') ?? '', [
      ...[...general, '-B', '-a', '3', '-t', '4:float', '-r', '3', port()],
    ])
    expect(stdout).toMatch(/\[3\]:\s+1\.5\b/)
  })

  it('reads sensors of a park: a June afternoon', async () => {
    const [tenths = 0, humidity = 0] = await read(1, '3', 1, 2)
    expect(tenths).toBeGreaterThan(100)
    expect(tenths).toBeLessThan(450)
    expect(humidity).toBeGreaterThan(50)
    expect(humidity).toBeLessThanOrEqual(1000)
    const [high = 0, low = 0] = await read(2, '3', 0, 2)
    expect(high * 65_536 + low).toBeGreaterThan(2000)
  })

  it('writes one and several, bits and registers: the valve opens', async () => {
    await write(3, '4', 0, 4242)
    await write(3, '4', 1, 7, 8)
    expect(await read(3, '4', 0, 3)).toEqual([4242, 7, 8])
    await write(11, '0', 3, 1)
    await write(3, '0', 16, 1, 0, 1, 1, 0, 0, 0, 0, 1, 1)
    expect(await read(3, '0', 16, 10)).toEqual([1, 0, 1, 1, 0, 0, 0, 0, 1, 1])
    const opened = '"type":"park-output","park":"p1","output":"valve","on":true'
    await vi.waitFor(() => expect(sim.lines.some((line) => line.includes(opened))).toBe(true))
  })

  it.each([
    ['a place that does not exist', () => read(3, '4', 4, 3), /Illegal data address/],
    ['a write to what can only be read', () => write(1, '4', 1, 5), /Illegal data address/],
    ['a unit that is not there', () => read(9, '4', 0, 1), /timed out/],
  ])('is refused %s', async (_, ask, message) => {
    await expect(ask()).rejects.toMatchObject({ stderr: expect.stringMatching(message) })
  })

  it('finds what our master wrote, and our master what libmodbus wrote', async () => {
    await write(3, '4', 2, 1234)
    const ours = await withOurs(async (bus) => {
      const results = [
        await bus.write({ unit: 3, table: 'holding', address: 0, values: [17] }),
        await bus.write({ unit: 3, table: 'holding', address: 3, values: [18, 65_535] }),
        await bus.write({ unit: 3, table: 'coil', address: 16, values: [0, 1, 0, 0, 1, 1, 1, 1, 0, 1] }),
        await bus.write({ unit: 11, table: 'coil', address: 3, values: [0] }),
      ]
      expect(results.every(({ ok }) => ok)).toBe(true)
      return bus.read({ unit: 3, table: 'holding', address: 0, count: 5 })
    })
    expect(ours).toMatchObject({ ok: true, values: [17, expect.any(Number), 1234, 18, 65_535] })
    expect(await read(3, '4', 0, 5)).toEqual([17, expect.any(Number), 1234, 18, 65_535])
    expect(await read(3, '0', 16, 10)).toEqual([0, 1, 0, 0, 1, 1, 1, 1, 0, 1])
    expect((await read(11, '0', 0, 8))[3]).toBe(0)
  })

  it('agrees with our master on every table it reads', async () => {
    const ranges = [
      { type: '1', table: 'discrete', address: 0, count: 9 },
      { type: '0', table: 'coil', address: 16, count: 10 },
      { type: '3', table: 'input', address: 100, count: 2 },
      { type: '4', table: 'holding', address: 0, count: 5 },
    ] as const
    const ours = await withOurs((bus) =>
      Promise.all(ranges.map(({ table, address, count }) => bus.read({ unit: 3, table, address, count }))),
    )
    for (const [index, { type, address, count }] of ranges.entries())
      expect(ours[index]).toMatchObject({ ok: true, values: await read(3, type, address, count) })
  })
})
