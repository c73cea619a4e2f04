import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesWritten, diskNames, readWear, upFor_s } from '../../../lifeline/wear-count.ts'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** How far the cards and disks are worn. */

/** Cycles of a consumer's TLC card, on the careful side. */
const CYCLES = 500
const YEARS_MIN = 3
const DAY_S = 86_400
const SECTOR_BYTES = 512
/** Other things end a card before. */
const YEARS_TOLD_MAX = 100
/** Before that, what a start writes says nothing of a day. */
const OVER_S_MIN = 3_600
/** JESD84-B51 §7.4.90, DEVICE_LIFE_TIME_EST: tenths used up, 0x0b: beyond its life; 0 says nothing. */
const WORN_AT = 9
/** What the card itself writes for a byte of ours: small commits are the hard case. */
const AMPLIFICATION = 2

export const wear: Probe = async ({ root, dataDir }) => {
  const counted = readWear(dataDir)
  const names = diskNames(root)
  const found = await Promise.all(
    names.map(async (name) => {
      const text = (file: string) => readFile(join(root, 'sys/block', name, file), 'utf8').catch(() => '')
      const [size, life] = await Promise.all([text('size'), text('device/life_time')])
      const sinceStart = { written_bytes: bytesWritten(root, name), over_s: upFor_s(root) }
      const { written_bytes, over_s } = counted[name] ?? sinceStart
      return judge({
        name,
        ...(over_s > sinceStart.over_s ? { written_bytes, over_s } : sinceStart),
        size_bytes: Number(size) * SECTOR_BYTES,
        life: life.trim() === '' ? [] : life.trim().split(/\s+/).map(Number),
      })
    }),
  )
  if (names.length > 0) return found.flat()
  return [ok('WEAR_UNKNOWN', '此处看不到磁盘', 'no disk can be seen from here')]
}

export function judge(found: {
  name: string
  written_bytes: number
  size_bytes: number
  /** The time in which that was written. */
  over_s: number
  life: readonly number[]
}): Finding[] {
  const { name, written_bytes, size_bytes, over_s } = found
  const tenths = Math.max(0, ...found.life.filter(Number.isFinite))
  const written = `${(written_bytes / 1e9).toFixed(1)} GB`
  const perDay_bytes = (written_bytes / over_s) * DAY_S
  const years = (size_bytes * CYCLES) / (perDay_bytes * AMPLIFICATION * 365)
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
  if (name.startsWith('mmcblk') && over_s > OVER_S_MIN && years < YEARS_MIN)
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
  const days = over_s / DAY_S
  const estimate = size_bytes > 0 && over_s > OVER_S_MIN && years < YEARS_TOLD_MAX
  const zh = `${name} ${days.toFixed(1)} 天内写入 ${written}`
  const en = `${name}: ${written} written in ${days.toFixed(1)} days`
  if (!estimate) return [ok('WEAR_FINE', zh, en)]
  const assumed = {
    zh: `按擦写 ${CYCLES} 次、写放大 ${AMPLIFICATION} 倍`,
    en: `at ${CYCLES} cycles and a write amplification of ${AMPLIFICATION}`,
  }
  return [
    ok(
      'WEAR_FINE',
      `${zh},${assumed.zh}可用约 ${years.toFixed(0)} 年`,
      `${en}; ${assumed.en} it lasts about ${years.toFixed(0)} years`,
    ),
  ]
}
