import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import koffi from 'koffi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openHardwareWatchdog } from './hardware-watchdog.ts'
import { type Libc, openLibc } from './libc.ts'
import { createLifeline, type Lifeline } from './lifeline.ts'
import { createLifelineState, type LifelineConfig, step } from './machine.ts'
import { serviceManagerOf } from './service-manager.ts'
import { keepStatus, readStatus } from './status-file.ts'
import { countWear, readWear } from './wear-count.ts'

const config: LifelineConfig = { test_ms: 1000, lost_ms: 2500 }

describe('the machine of the lifeline', () => {
  const looks = fc.array(fc.record({ wait_ms: fc.integer({ min: 0, max: 900 }), isProven: fc.boolean() }), {
    maxLength: 200,
  })

  it('feeds nothing without a proof within the time, and hardware never before the first', () => {
    fc.assert(
      fc.property(looks, (given) => {
        let state = createLifelineState(0)
        let [now_ms, proof_ms, lastTest_ms] = [0, Number.NaN, 0]
        for (const { wait_ms, isProven } of given) {
          now_ms += wait_ms
          if (isProven) {
            state = step(config, state, { type: 'proof' }, now_ms).state
            proof_ms = now_ms
          }
          const next = step(config, state, { type: 'tick' }, now_ms)
          state = next.state
          // NaN as long as nothing was proven: no number of milliseconds is too many then.
          const isLate = now_ms - proof_ms >= config.lost_ms
          expect(next.effects.some(({ type }) => type === 'feed')).toBe(!isLate)
          for (const effect of next.effects) {
            if (effect.type === 'feed' && effect.hardware) expect(proof_ms).not.toBeNaN()
            if (effect.type !== 'test') continue
            expect(now_ms - lastTest_ms).toBeGreaterThanOrEqual(config.test_ms)
            lastTest_ms = now_ms
          }
        }
      }),
    )
  })

  it('does not hold against the way the time in which the process itself stood still', () => {
    const proven = step(config, createLifelineState(0), { type: 'proof' }, 10).state
    const { effects, state } = step(config, proven, { type: 'tick' }, 3_600_000)
    expect(effects).toEqual([{ type: 'feed', hardware: true }])
    expect(step(config, state, { type: 'tick' }, 3_600_900).effects).toContainEqual({ type: 'test' })
  })
})

describe('a lifeline', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-lifeline-'))
  const device = join(dir, 'watchdog')
  const log = { info() {}, error() {} }
  let clock: ReturnType<typeof install>
  let libc: Libc
  let lifeline: Lifeline
  const fed = () => statSync(device).size

  beforeEach(async () => {
    libc = await openLibc()
    writeFileSync(device, '')
    clock = install({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })
    const openHardware = () => openHardwareWatchdog(device, 6, libc)
    lifeline = createLifeline(
      { serviceManager: undefined, openHardware, onStatus: keepStatus(dir, log), onHour: () => {}, log },
      1000,
    )
  })
  afterEach(() => {
    clock.uninstall()
    rmSync(dir, { recursive: true, force: true })
  })

  it('feeds the hardware from the first proof to the loss of the way, and again; a restart leaves it running', () => {
    clock.tick(60_000)
    expect(fed()).toBe(0)
    expect(readStatus(dir)).toBeUndefined()
    let tests = 0
    lifeline.onTest(() => {
      tests++
      if (tests < 4) lifeline.prove()
    })
    clock.tick(3_500)
    expect(readStatus(dir)).toMatchObject({ status: 'proven', pid: process.pid })
    const proven = fed()
    expect(proven).toBeGreaterThan(3)
    clock.tick(2_500)
    expect(readStatus(dir)).toMatchObject({ status: 'lost' })
    const lost = fed()
    clock.tick(60_000)
    expect(fed()).toBe(lost)
    lifeline.prove()
    clock.tick(1_000)
    expect(fed()).toBeGreaterThan(lost)
    expect(readFileSync(device, 'utf8')).not.toContain('V')
    lifeline.close()
    expect(readFileSync(device, 'utf8').endsWith('V')).toBe(true)
  })
})

describe('the service manager', () => {
  it('hears that we are ready, alive and ending, at an address in the file system and at an abstract one', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'linli-notify-'))
    const libc = await openLibc()
    for (const address of [join(dir, 'notify'), `@linli-test-${process.pid}`]) {
      const heard = receiver(address)
      const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7' }
      const manager = serviceManagerOf(env, 7, libc)
      manager?.ready()
      manager?.alive()
      manager?.say('alarm way proven\nand well')
      manager?.stopping()
      expect(heard.all()).toEqual(['READY=1', 'WATCHDOG=1', 'STATUS=alarm way proven and well', 'STOPPING=1'])
      expect(manager?.watchdog_ms).toBe(3000)
      expect(serviceManagerOf(env, 8, libc)?.watchdog_ms).toBeUndefined()
      heard.close()
      // Nobody there any more: nothing happens.
      manager?.alive()
    }
    expect(serviceManagerOf({}, 7, libc)).toBeUndefined()
    rmSync(dir, { recursive: true })
  })
})

describe('the count of what is written', () => {
  it('goes on over restarts of the process and of the box', () => {
    const root = mkdtempSync(join(tmpdir(), 'linli-wear-'))
    const look = (boot: string, sectors: number) => {
      mkdirSync(join(root, 'sys/block/mmcblk0'), { recursive: true })
      mkdirSync(join(root, 'sys/block/loop0'), { recursive: true })
      mkdirSync(join(root, 'proc/sys/kernel/random'), { recursive: true })
      writeFileSync(join(root, 'proc/sys/kernel/random/boot_id'), `${boot}\n`)
      writeFileSync(join(root, 'sys/block/mmcblk0/stat'), `   1 2 3 4 5 6 ${sectors} 8 9`)
      writeFileSync(join(root, 'proc/uptime'), `${sectors}.5 1`)
      countWear(root, root)
      return readWear(root).mmcblk0?.written_bytes
    }
    expect([look('a', 1000), look('a', 1500), look('a', 1500), look('b', 200), look('b', 300)]).toEqual(
      [0, 500, 500, 700, 800].map((sectors) => sectors * 512),
    )
    expect(readWear(root).mmcblk0?.over_s).toBe(800.5)
    expect(Object.keys(readWear(root))).toEqual(['mmcblk0'])
    // A file that a power cut has torn: it begins again.
    writeFileSync(join(root, 'wear.json'), '{"mmcblk0"')
    expect(look('b', 300)).toBe(0)
    rmSync(root, { recursive: true })
  })
})

/** As systemd has one; Node has no sockets of datagrams with a name. */
function receiver(address: string): { all(): string[]; close(): void } {
  const libc = koffi.load('libc.so.6')
  const fd = libc.func('int socket(int, int, int)')(1, 2, 0) as number
  const name = Buffer.concat([Buffer.of(1, 0), Buffer.from(address.replace('@', '\0'))])
  expect(libc.func('int bind(int, uint8_t *, uint)')(fd, name, name.length)).toBe(0)
  const receive = libc.func('int64 recv(int, _Out_ uint8_t *, size_t, int)')
  return {
    all() {
      const heard: string[] = []
      for (const bytes = Buffer.alloc(500); ; ) {
        const count = Number(receive(fd, bytes, bytes.length, 0x40))
        if (count < 0) return heard
        heard.push(bytes.toString('utf8', 0, count))
      }
    },
    close: () => void libc.func('int close(int)')(fd),
  }
}
