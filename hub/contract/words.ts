import type { MessageKind } from './messages.ts'
import type { Channel, DeviceClass } from './topic.ts'

/** What the contract's names are called by people, in both languages: for the published document and for Home Assistant. */
export interface Words {
  zh: string
  en: string
}
export type Language = keyof Words

export const CLASS_WORDS: Record<DeviceClass, Words> = {
  'alarm-button': { zh: '报警按钮', en: 'Alarm button' },
  'access-gate': { zh: '门禁与道闸', en: 'Access gate' },
  'park-sensor': { zh: '公园传感器', en: 'Park sensor' },
  camera: { zh: '摄像机', en: 'Camera' },
  gateway: { zh: '网关', en: 'Gateway' },
  incident: { zh: '事件处置', en: 'Incident' },
  hub: { zh: '枢纽', en: 'Hub' },
}

export const CHANNEL_WORDS: Record<Channel['channel'], Words> = {
  evt: { zh: '事件:发生过一次的事', en: 'Event: something that happened once' },
  state: { zh: '状态:当前情况(保留消息)', en: 'State: what holds now (retained)' },
  tele: { zh: '遥测:测量值(SenML)', en: 'Telemetry: measurements (SenML)' },
  avail: { zh: '可用性:设备能否依靠(保留消息)', en: 'Availability: whether to rely on the device (retained)' },
  meta: { zh: '说明:设备是什么、在哪里(保留消息)', en: 'Meta: what the device is, and where (retained)' },
  cmd: { zh: '命令:要求设备动作', en: 'Command: asks the device to act' },
  res: { zh: '结果:命令执行情况', en: 'Result: how a command went' },
  plate: { zh: '车牌读数:只给所属网关', en: 'Plate reading: for its gateway only' },
}

export const EVENT_WORDS: Readonly<Record<string, Words>> = {
  pressed: { zh: '按下报警', en: 'Pressed' },
  released: { zh: '松开', en: 'Released' },
  cancelled: { zh: '长按取消', en: 'Cancelled by a long press' },
  stuck: { zh: '按钮卡住', en: 'Stuck' },
  tamper: { zh: '防拆报警', en: 'Tamper' },
  'tamper-cleared': { zh: '防拆恢复', en: 'Tamper cleared' },
  reset: { zh: '已复位', en: 'Reset' },
  passage: { zh: '通行', en: 'Passage' },
  denied: { zh: '拒绝通行', en: 'Denied' },
  passback: { zh: '反传(重复进入)', en: 'Passback' },
  unused: { zh: '开门未通行', en: 'Opened, nobody came' },
  forced: { zh: '强行闯入', en: 'Forced' },
  'forced-cleared': { zh: '强开恢复', en: 'Forced: over' },
  'held-open-warning': { zh: '门未关提醒', en: 'Held open: warning' },
  'held-open': { zh: '门长时间未关', en: 'Held open' },
  'held-open-cleared': { zh: '门已关好', en: 'Held open: over' },
  duress: { zh: '胁迫报警', en: 'Duress' },
  'mode-changed': { zh: '模式变更', en: 'Mode changed' },
  reversed: { zh: '遇阻回升', en: 'Reversed' },
  tailgating: { zh: '尾随', en: 'Tailgating' },
  fault: { zh: '故障', en: 'Fault' },
  'fault-cleared': { zh: '故障恢复', en: 'Fault: over' },
  started: { zh: '已启动', en: 'Started' },
  'board-ready': { zh: '控制板就绪', en: 'Board ready' },
  'board-lost': { zh: '控制板失联', en: 'Board lost' },
  'clock-set': { zh: '时钟已校准', en: 'Clock set' },
  'telemetry-dropped': { zh: '遥测被丢弃', en: 'Telemetry dropped' },
  'self-test': { zh: '报警通道自检', en: 'Self-test' },
  'quality-changed': { zh: '数据质量变化', en: 'Quality changed' },
  'threshold-raised': { zh: '超限', en: 'Threshold raised' },
  'threshold-cleared': { zh: '超限恢复', en: 'Threshold cleared' },
  'counter-reset': { zh: '计数器归零', en: 'Counter reset' },
  'output-changed': { zh: '输出切换', en: 'Output changed' },
  calibrated: { zh: '已校准', en: 'Calibrated' },
  'setting-changed': { zh: '设置已改', en: 'Setting changed' },
  evacuation: { zh: '全小区疏散', en: 'Evacuation' },
  'evacuation-ended': { zh: '疏散结束', en: 'Evacuation ended' },
  'flow-report': { zh: '流程报告', en: 'Flow report' },
  'flows-fell-back': { zh: '流程已退回', en: 'Flows fell back' },
  raised: { zh: '事件发生', en: 'Raised' },
  repeated: { zh: '再次报警', en: 'Repeated' },
  acknowledged: { zh: '已受理', en: 'Acknowledged' },
  dispatched: { zh: '已派单', en: 'Dispatched' },
  'on-site': { zh: '已到场', en: 'On site' },
  resolved: { zh: '已办结', en: 'Resolved' },
  answered: { zh: '已答复', en: 'Answered' },
  'false-alarm': { zh: '误报', en: 'False alarm' },
  reopened: { zh: '重新办理', en: 'Reopened' },
  'kind-corrected': { zh: '类别更正', en: 'Kind corrected' },
  assigned: { zh: '已指派', en: 'Assigned' },
  escalated: { zh: '超时上报', en: 'Escalated' },
}

export const COMMAND_WORDS: Readonly<Record<string, Words>> = {
  lamp: { zh: '指示灯', en: 'Lamp' },
  siren: { zh: '警号', en: 'Siren' },
  reset: { zh: '复位', en: 'Reset' },
  open: { zh: '开一次', en: 'Open once' },
  close: { zh: '关闭', en: 'Close' },
  'hold-open': { zh: '保持打开', en: 'Hold open' },
  lock: { zh: '锁定', en: 'Lock' },
  unlock: { zh: '常开', en: 'Unlock' },
  'set-mode': { zh: '设置模式', en: 'Set mode' },
  'release-all': { zh: '紧急疏散开门', en: 'Release for evacuation' },
  replay: { zh: '补发历史事件', en: 'Replay' },
  'end-release': { zh: '结束疏散', en: 'End the evacuation' },
  output: { zh: '控制输出', en: 'Switch an output' },
  calibrate: { zh: '校准', en: 'Calibrate' },
  set: { zh: '写设置', en: 'Set' },
  read: { zh: '立即读取', en: 'Read now' },
  configure: { zh: '下发配置', en: 'Configure' },
  'credentials-part': { zh: '凭证快照', en: 'Credentials: a part of all' },
  'credentials-delta': { zh: '凭证变更', en: 'Credentials: changes' },
  'reader-install': { zh: '安装读卡器', en: 'Install a reader' },
  submit: { zh: '居民提交事项', en: 'Submit a matter' },
  raise: { zh: '登记事件', en: 'Raise an incident' },
  acknowledge: { zh: '受理', en: 'Acknowledge' },
  dispatch: { zh: '派单', en: 'Dispatch' },
  arrive: { zh: '到场', en: 'Arrive' },
  resolve: { zh: '办结', en: 'Resolve' },
  answer: { zh: '答复', en: 'Answer' },
  'false-alarm': { zh: '判为误报', en: 'Say that it is a false alarm' },
  reopen: { zh: '重新办理', en: 'Reopen' },
  comment: { zh: '备注', en: 'Comment' },
  'correct-kind': { zh: '更正类别', en: 'Correct the kind' },
  assign: { zh: '指派', en: 'Assign' },
  confirm: { zh: '居民确认', en: 'Confirm' },
}

/** What a message is called; its name in the contract where it has no words yet. */
export function wordsOf({ channel, name }: Pick<MessageKind, 'channel' | 'name'>): Words {
  if (name === undefined) return CHANNEL_WORDS[channel]
  return (channel === 'evt' ? EVENT_WORDS : COMMAND_WORDS)[name] ?? { zh: name, en: name }
}
