import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** How far the cards and disks are worn. */

/** Documentation/block/stat.rst: the seventh number, in sectors of 512 bytes whatever the device's own are. */
const SECTORS_WRITTEN_AT = 6
const SECTOR_BYTES = 512
/** Cycles of a consumer's TLC card, on the careful side. */
const CYCLES = 500
const YEARS_MIN = 3
const DAY_S = 86_400
/** Before that, what a start writes says nothing of a day. */
const UPTIME_MIN_S = 3_600
/** JESD84-B51 §7.4.90, DEVICE_LIFE_TIME_EST: tenths used up, 0x0b: beyond its life; 0 says nothing. */
const WORN_AT = 9
const NOT_DISKS = /^(loop|ram|zram|dm-|md|sr|fd|nbd)/

export const wear: Probe = async ({ root }) => {
  const uptime_s = Number.parseFloat(await readFile(join(root, 'proc/uptime'), 'utf8'))
  const folder = join(root, 'sys/block')
  const names = (await readdir(folder).catch(() => [])).filter((name) => !NOT_DISKS.test(name))
  const found = await Promise.all(names.map((name) => lookAt(join(folder, name), name, uptime_s)))
  if (names.length > 0) return found.flat()
  return [ok('WEAR_UNKNOWN', '此处看不到磁盘', 'no disk can be seen from here')]
}

async function lookAt(folder: string, name: string, uptime_s: number): Promise<Finding[]> {
  const text = (file: string) => readFile(join(folder, file), 'utf8').catch(() => '')
  const [stat, size, life] = await Promise.all([text('stat'), text('size'), text('device/life_time')])
  const written_bytes = Number(stat.trim().split(/\s+/)[SECTORS_WRITTEN_AT] ?? 0) * SECTOR_BYTES
  return judge({
    name,
    written_bytes,
    size_bytes: Number(size) * SECTOR_BYTES,
    uptime_s,
    life: life.trim() === '' ? [] : life.trim().split(/\s+/).map(Number),
  })
}

export function judge(found: {
  name: string
  written_bytes: number
  size_bytes: number
  uptime_s: number
  life: readonly number[]
}): Finding[] {
  const { name, written_bytes, size_bytes, uptime_s } = found
  const tenths = Math.max(0, ...found.life.filter(Number.isFinite))
  const written = `${(written_bytes / 1e9).toFixed(1)} GB`
  const perDay_bytes = (written_bytes / uptime_s) * DAY_S
  const years = (size_bytes * CYCLES) / (perDay_bytes * 365)
  const advice = {
    zh: `先备份并准备替换 ${name}(选工业级卡);日志放入内存:Storage=volatile`,
    en: `back up, and have a new ${name} ready, one for industry; keep the system's log in memory (Storage=volatile)`,
  }
  if (tenths >= WORN_AT)
    return [
      wrong(
        tenths > 10 ? 'error' : 'warning',
        'CARD_WORN',
        {
          zh: `${name} 寿命已用 ${Math.min(tenths, 10) * 10}%`,
          en: `${name} has used up ${Math.min(tenths, 10) * 10} % of its life`,
        },
        advice,
      ),
    ]
  if (name.startsWith('mmcblk') && uptime_s > UPTIME_MIN_S && years < YEARS_MIN)
    return [
      wrong(
        'warning',
        'CARD_WRITTEN_MUCH',
        {
          zh: `${name} 每天写入 ${(perDay_bytes / 1e9).toFixed(1)} GB,约 ${years.toFixed(1)} 年写坏`,
          en: `${name} is written ${(perDay_bytes / 1e9).toFixed(1)} GB a day and may last ${years.toFixed(1)} years`,
        },
        advice,
      ),
    ]
  return [ok('WEAR_FINE', `${name} 开机以来写入 ${written}`, `${name}: ${written} written since the start`)]
}
