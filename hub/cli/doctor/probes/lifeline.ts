import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readStatus } from '../../../lifeline/status-file.ts'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** The way of alarms, as the process that uses it found it last, and the watchdogs behind it. */

/** Two self-tests, and then some. */
const SILENT_S = 300

export const lifeline: Probe = async ({ dataDir, root, report }) => {
  const hardware = await hardwareWatchdog(root)
  const { alarmWays = {} } =
    typeof report === 'object' ? (report.details as { alarmWays?: Record<string, number> }) : {}
  return [...ownWay(readStatus(dataDir)), ...Object.entries(alarmWays).flatMap(gatewaysWay), hardware]
}

function ownWay(kept: ReturnType<typeof readStatus>): Finding[] {
  if (kept === undefined) return [ok('ALARM_WAY_UNKNOWN', '报警通道尚未自检', 'the way of alarms was not tested yet')]
  const { status, since } = kept
  if (status !== 'lost')
    return [ok('ALARM_WAY_PROVEN', `报警通道自 ${since} 起正常`, `the way of alarms is proven since ${since}`)]
  return [
    wrong(
      'error',
      'ALARM_WAY_LOST',
      { zh: `报警通道自 ${since} 起不通`, en: `nothing goes the way of alarms since ${since}` },
      {
        zh: '查看磁盘(df -h、dmesg)与枢纽是否运行;看门狗已停止喂食,将重启',
        en: 'look at the disk (df -h, dmesg) and whether the hub runs; the watchdogs are not fed any more and will restart it',
      },
    ),
  ]
}

function gatewaysWay([gateway, age_s]: [string, number]): Finding[] {
  if (age_s <= SILENT_S) return []
  return [
    wrong(
      'warning',
      'ALARM_WAY_SILENT',
      { zh: `网关 ${gateway} 已 ${age_s} 秒没有事件`, en: `no event of ${gateway} came for ${age_s} s` },
      {
        zh: '自检每两分钟一次:查看该网关的网络与 linli doctor --gateway-config',
        en: 'a self-test comes every two minutes: look at its network, and run linli doctor --gateway-config there',
      },
    ),
  ]
}

async function hardwareWatchdog(root: string): Promise<Finding> {
  const read = (name: string) =>
    readFile(join(root, 'sys/class/watchdog/watchdog0', name), 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    )
  const [state, identity, timeout] = await Promise.all([read('state'), read('identity'), read('timeout')])
  if (state === undefined) return ok('WATCHDOG_NONE', '本机没有硬件看门狗', 'this box has no hardware watchdog')
  const named = `${identity ?? 'watchdog0'}, ${timeout ?? '?'} s`
  if (state === 'active')
    return ok('WATCHDOG_ACTIVE', `硬件看门狗在运行(${named})`, `the hardware watchdog runs (${named})`)
  return wrong(
    'warning',
    'WATCHDOG_IDLE',
    { zh: `硬件看门狗未启用(${named})`, en: `the hardware watchdog is not used (${named})` },
    {
      zh: 'linli service install … --watchdog /dev/watchdog',
      en: 'linli service install … --watchdog /dev/watchdog lets it restart a box that hangs',
    },
  )
}
