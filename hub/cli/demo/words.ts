import type { Language } from '../language.ts'

/** The words of the demo's feed. */

type Both = { zh: string; en: string }

const EVENTS: Record<string, Both> = {
  pressed: { zh: '按下报警', en: 'PRESSED' },
  released: { zh: '松开', en: 'released' },
  cancelled: { zh: '长按取消', en: 'cancelled by a long press' },
  stuck: { zh: '按钮卡住', en: 'stuck' },
  tamper: { zh: '防拆报警', en: 'TAMPER' },
  'tamper-cleared': { zh: '防拆恢复', en: 'tamper cleared' },
  reset: { zh: '已复位', en: 'reset by staff' },
  started: { zh: '网关启动', en: 'gateway started' },
  'clock-set': { zh: '时钟已校准', en: 'clock set' },
  'board-ready': { zh: '控制板就绪', en: 'board ready' },
  'board-lost': { zh: '控制板失联', en: 'board lost' },
  'telemetry-dropped': { zh: '遥测被丢弃', en: 'telemetry dropped' },
  'self-test': { zh: '报警通道自检', en: 'self-test of the alarm way' },
  passage: { zh: '通行', en: 'passage' },
  denied: { zh: '拒绝通行', en: 'denied' },
  unused: { zh: '开门未通行', en: 'opened, nobody came' },
  forced: { zh: '强行闯入', en: 'FORCED OPEN' },
  'forced-cleared': { zh: '强开已恢复', en: 'forced: shut again' },
  'held-open-warning': { zh: '门未关提醒', en: 'held open' },
  'held-open': { zh: '门长时间未关', en: 'HELD OPEN' },
  'held-open-cleared': { zh: '门已关好', en: 'held open: over' },
  passback: { zh: '重复刷卡进入(反传)', en: 'came in twice (passback)' },
  duress: { zh: '胁迫报警', en: 'DURESS' },
  'mode-changed': { zh: '模式变更', en: 'mode changed' },
  reversed: { zh: '遇阻回升', en: 'obstructed, went up again' },
  tailgating: { zh: '尾随闯入', en: 'tailgating' },
  fault: { zh: '故障', en: 'fault' },
  'fault-cleared': { zh: '故障恢复', en: 'fault over' },
  'quality-changed': { zh: '数据质量变化', en: 'quality changed' },
  'threshold-raised': { zh: '超限报警', en: 'BEYOND ITS LIMIT' },
  'threshold-cleared': { zh: '超限恢复', en: 'back within its limit' },
  'counter-reset': { zh: '计数器归零', en: 'counter began anew' },
  'output-changed': { zh: '输出切换', en: 'switched' },
  calibrated: { zh: '已校准', en: 'calibrated' },
  'setting-changed': { zh: '设置已改', en: 'setting changed' },
  evacuation: { zh: '全小区紧急疏散', en: 'EVACUATION of the estate' },
  'evacuation-ended': { zh: '疏散结束', en: 'evacuation ended' },
  raised: { zh: '事件发生', en: 'INCIDENT raised' },
  repeated: { zh: '再次报警', en: 'the same again' },
  acknowledged: { zh: '已受理', en: 'acknowledged' },
  dispatched: { zh: '已派单', en: 'dispatched' },
  'on-site': { zh: '已到场', en: 'on site' },
  resolved: { zh: '已办结', en: 'resolved' },
  answered: { zh: '已答复', en: 'answered' },
  'false-alarm': { zh: '误报', en: 'false alarm' },
  reopened: { zh: '重新办理', en: 'reopened' },
  'kind-corrected': { zh: '类别更正', en: 'kind corrected' },
  assigned: { zh: '已指派', en: 'assigned' },
  escalated: { zh: '超时上报', en: 'OVERDUE, escalated' },
}

/** What a gate's state says in a word. */
const STATES: Record<string, Both> = {
  locked: { zh: '已上锁', en: 'locked' },
  unlocked: { zh: '已开锁', en: 'unlocked' },
  opening: { zh: '正在升起', en: 'rising' },
  open: { zh: '已升起', en: 'up' },
  closing: { zh: '正在落下', en: 'going down' },
  closed: { zh: '已落下', en: 'down' },
  stopped: { zh: '停在中途', en: 'stopped halfway' },
}

/** Names and values of details, where Chinese has its own; the others stay as the contract has them. */
const CHINESE: Record<string, string> = {
  held: '按住',
  loop: '回路',
  lasted: '持续',
  board: '控制板',
  reason: '原因',
  direction: '方向',
  by: '凭',
  mode: '模式',
  previous: '原为',
  part: '部位',
  gates: '门数',
  in: '进',
  out: '出',
  unknown: '未知',
  card: '卡',
  plate: '车牌',
  command: '命令',
  request: '出门按钮',
  none: '无授权',
  schedule: '时间表',
  evacuation: '疏散',
  evacuate: '疏散',
  normal: '正常',
  quantity: '量',
  quality: '质量',
  good: '可信',
  suspect: '可疑',
  bad: '不可用',
  'bus-error': '总线无应答',
  stale: '过期',
  'sensor-fault': '传感器故障',
  'missing-data': '数据不足',
  temperature: '温度',
  humidity: '湿度',
  rain: '雨量',
  output: '输出',
  on: '开',
  off: '关',
  limit: '限时',
  'path-lamp': '小径灯',
  lawn: '草坪灌溉',
}

export function eventWord(type: string, language: Language): string | undefined {
  return EVENTS[type]?.[language]
}

export function stateWord(state: string, language: Language): string | undefined {
  return STATES[state]?.[language]
}

export function detailWord(word: string, language: Language): string {
  return (language === 'zh' ? CHINESE[word] : undefined) ?? word
}
