import { moment } from './format.ts'
import type { HubState } from './shapes.ts'
import { words } from './words.ts'

/** What is wrong with the hub itself, for whoever is on duty: in one sentence each, with what it means for them. */

const t = words({
  upstream: [
    '上级平台 {name} 从 {time} 起连不上;报警照常处理,恢复后自动补报。',
    'Platform {name} cannot be reached since {time}; go on as usual, what it missed is sent by itself.',
  ],
  full: [
    '枢纽的磁盘满了:报警仍会保存,读数暂停。请通知工程人员。',
    'The disk of the hub is full: alarms are kept, readings are not. Call an engineer.',
  ],
  disk: ['枢纽写不进磁盘:请马上通知工程人员。', 'The hub cannot write to its disk: call an engineer at once.'],
  fellBack: [
    '{who} 在 {time} 部署的流程(第 {from} 版)两次崩溃,已自动退回{to}。报警不受影响;请工程人员查看。',
    'The flows that {who} deployed (version {from}) crashed twice; since {time} {to} runs again. Alarms are not touched; an engineer has to look.',
  ],
  shipped: ['出厂版本', 'the shipped version'],
  version: ['第 {n} 版', 'version {n}'],
  stopped: [
    '本地流程已停止:警笛、警灯等联动不动作,报警照常上报。',
    'The local flows have stopped: sirens and lamps by flows do not act; alarms arrive as usual.',
  ],
  away: [
    '本地流程正在重启:警笛、警灯等联动稍后恢复,报警照常上报。',
    'The local flows restart: sirens and lamps by flows come back shortly; alarms arrive as usual.',
  ],
})

export interface HubNotice {
  key: string
  text: string
}

export function hubNotices(state: HubState | undefined, now_ms: number): HubNotice[] {
  const { upstreams = [], journal, flows } = state ?? {}
  const found: HubNotice[] = []
  const { fault } = journal ?? {}
  if (fault) found.push({ key: 'journal', text: t(fault.code === 'JOURNAL_FULL' ? 'full' : 'disk') })
  for (const { name, status, since } of upstreams)
    if (status === 'disconnected')
      found.push({ key: `upstream ${name}`, text: t('upstream', { name, time: moment(since, now_ms) }) })
  if (flows?.status === 'stopped' || flows?.status === 'away') found.push({ key: 'flows', text: t(flows.status) })
  if (flows?.fellback) {
    const { from, to, user, at } = flows.fellback
    const text = t('fellBack', {
      from,
      who: user,
      time: moment(at, now_ms),
      to: to === 0 ? t('shipped') : t('version', { n: to }),
    })
    found.push({ key: 'fell-back', text })
  }
  return found
}
