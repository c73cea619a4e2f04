import type { Check, DeviceOutcome } from '../../commissioning/record.ts'
import { languageOf } from '../language.ts'

/** What `linli commission` says, in Chinese and English; the record on paper carries both. */

type Said = Readonly<Record<'zh' | 'en', string>>

const words = {
  about: {
    zh: '逐台验收:按按钮、开门、遮传感器;测时延;写出签名的验收记录。可随时中断,下次从中断处继续',
    en: 'accept a site device by device: press this, open that, cover this sensor; measures, and writes a signed record. Goes on where it stopped',
  },
  run: { zh: '验收(默认)', en: 'go through the devices (what is done without a word)' },
  verify: { zh: '核验验收记录(离线)', en: 'is this record what the hub signed? works offline' },
  status: { zh: '验收进度', en: 'how far it is' },
  data: { zh: '枢纽数据目录(枢纽须在运行)', en: 'data folder of the hub, which must run' },
  by: { zh: '验收人', en: 'who accepts: on the record and in the audit log' },
  devices: { zh: '仅这些设备(编号或标签二维码内容)', en: 'only these devices: ids, or what the QR on a label says' },
  gateway: { zh: '仅此网关', en: 'only of this gateway' },
  building: { zh: '仅此楼栋', en: 'only of this building' },
  again: { zh: '已通过的也重做', en: 'also those that passed' },
  restart: { zh: '放弃已有进度,从头开始', en: 'forget what was done, begin anew' },
  out: { zh: '验收记录的目录', en: 'folder for the record' },
  yes: { zh: '无人值守:不提问,凡需人确认的记为跳过', en: 'ask nobody: what needs a person’s eyes is skipped' },
  json: {
    zh: '标准输出每行一个 JSON;答案从标准输入逐行读取',
    en: 'JSON lines on stdout; answers are read as lines from stdin',
  },
  statusJson: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  authority: { zh: '小区证书文件 authority/ca.crt', en: 'the authority’s certificate, DIR/authority/ca.crt' },
  fingerprint: { zh: '小区证书指纹', en: 'or its fingerprint, as the record on paper says it' },
  codes: {
    zh: '退出码:0 全部通过(或无事可做)并已签名;1 出错;2 参数有误;3 未完成,再次运行即继续;4 已签名,但有未通过或未验收的设备。',
    en: 'Exit codes: 0 all passed and signed; 1 it failed; 2 told wrongly; 3 not finished, run it again to go on; 4 signed, with devices that failed or were not tried.',
  },
  verifyCodes: {
    zh: '退出码:0 有效;1 无法读取;2 参数有误;3 无效。',
    en: 'Exit codes: 0 it holds; 1 cannot be read; 2 told wrongly; 3 it does not hold.',
  },
  stopped: { zh: '已停止;再次运行即从此处继续', en: 'stopped; run it again to go on from here' },
  resumed: { zh: '继续上次的验收', en: 'going on where it stopped' },
  broken: { zh: '上次在此中断,重新开始这台', en: 'it was broken off here: this one begins again' },
  changedSince: { zh: '配置已更改,需重新验收', en: 'changed since it was accepted: to be done again' },
  nothing: { zh: '全部已验收(--again 可重做)', en: 'all are done (--again does them again)' },
  skipHint: { zh: 's = 跳过', en: 's = skip' },
  pass: { zh: '通过', en: 'passed' },
  fail: { zh: '未通过', en: 'FAILED' },
  skip: { zh: '跳过', en: 'skipped' },
  open: { zh: '未验收', en: 'not tried' },
  signed: { zh: '已签名', en: 'signed' },
  notSigned: { zh: '未签名;进度已保存', en: 'not signed; what was done is kept' },
  holds: { zh: '有效', en: 'it holds' },
  holdsNot: { zh: '无效', en: 'it does not hold' },
  otherAuthority: { zh: '不是该小区的签名', en: 'signed by another authority' },
  compare: {
    zh: '请与小区证书指纹核对(--ca 或 --fingerprint)',
    en: 'compare the fingerprint with that of the site (--ca or --fingerprint does it)',
  },
  hash: { zh: '记录摘要', en: 'hash' },
  authorityIs: { zh: '证书指纹', en: 'authority' },
  needsName: { zh: '请用 --by 给出验收人', en: 'say with --by who accepts' },
} as const satisfies Record<string, Said>

const instructions = {
  press: { zh: '请现在按下按钮', en: 'press this button now' },
  release: { zh: '请松开按钮', en: 'let the button go' },
  openLoop: { zh: '请断开回路(打开外壳或拔下一根线)', en: 'open the loop now: the housing, or one of its wires' },
  closeLoop: { zh: '请恢复回路', en: 'close the loop again' },
  closeFirst: { zh: '请先关好(安全区无人无物)', en: 'close it first, with nothing in its way' },
  openLeaf: { zh: '已开锁:请推开门', en: 'it is unlocked: open the leaf' },
  closeLeaf: { zh: '请让门关上', en: 'let the door close' },
  strangeCard: { zh: '请刷一张未授权的卡', en: 'present a card that may not pass' },
  occupyZone: { zh: '请挡住安全区(光束或地感)', en: 'step into the safety zone: beam or loop' },
  clearZone: { zh: '请离开安全区,道闸将落下', en: 'leave the safety zone: the boom comes down' },
  disturb: {
    zh: '请遮住传感器或对它哈气,使读数变化',
    en: 'cover this sensor or breathe on it, so that its reading moves',
  },
} as const satisfies Record<string, Said>

const questions = {
  by: { zh: '验收人姓名:', en: 'who accepts?' },
  warn: {
    zh: '验收中的每次报警都会作为真实报警送达上级平台:请先通知值班人员。开始?',
    en: 'every press is told to the platforms as a real alarm: tell who is on duty there first. Begin?',
  },
  alarmStands: {
    zh: '已有报警未处理,是否为测试所致(最后会复位)?始于',
    en: 'an alarm stands. Is it from testing, to be reset at the end? since',
  },
  lampLit: { zh: '灯亮了吗?', en: 'is the lamp lit?' },
  loop: { zh: '测试防拆回路(需打开外壳)?', en: 'try the tamper loop (the housing has to be opened)?' },
  siren: { zh: '让警笛响一秒?', en: 'sound the siren for a second?' },
  sirenHeard: { zh: '听到警笛了吗?', en: 'did you hear it?' },
  closeNow: {
    zh: '道闸开着:下面无人无车,现在用命令落下?',
    en: 'it is open. Nobody and nothing below it: close it by command?',
  },
  reader: { zh: '测试读卡器?', en: 'try this card reader?' },
  interlock: { zh: '测试防砸联锁(需挡住安全区)?', en: 'try the interlock (somebody blocks the safety zone)?' },
  output: { zh: '接通此输出两秒?', en: 'switch this output on for two seconds?' },
  outputOn: { zh: '它接通了吗?', en: 'did it go on?' },
  failed: { zh: '重试,记为未通过,还是跳过?', en: 'retry, record it as failed, or skip it?' },
  note: { zh: '备注(可空):', en: 'a note, if any:' },
  sign: { zh: '签署验收记录?', en: 'sign the record?' },
} as const satisfies Record<string, Said>

const checks: Record<string, Said> = {
  online: { zh: '在线', en: 'online' },
  press: { zh: '按下', en: 'pressed' },
  release: { zh: '松开', en: 'released' },
  lamp: { zh: '灯命令', en: 'lamp, by command' },
  'lamp-seen': { zh: '灯亮', en: 'lamp seen' },
  loop: { zh: '防拆回路', en: 'tamper loop' },
  'loop-open': { zh: '回路断开', en: 'loop opened' },
  'loop-closed': { zh: '回路恢复', en: 'loop closed' },
  siren: { zh: '警笛命令', en: 'siren, by command' },
  'siren-heard': { zh: '警笛响', en: 'siren heard' },
  reset: { zh: '复位命令', en: 'reset, by command' },
  rest: { zh: '报警解除', en: 'alarm over' },
  closed: { zh: '关到位', en: 'closed at first' },
  open: { zh: '命令开启', en: 'opened, by command' },
  'leaf-open': { zh: '门开', en: 'leaf open' },
  'leaf-closed': { zh: '门关', en: 'leaf closed' },
  interlock: { zh: '防砸联锁', en: 'refuses to close on somebody' },
  clear: { zh: '安全区畅通', en: 'zone clear' },
  close: { zh: '命令关闭', en: 'closed, by command' },
  read: { zh: '读取', en: 'read, by command' },
  change: { zh: '读数变化', en: 'reading moves' },
  telemetry: { zh: '读数上报', en: 'readings arrive' },
  event: { zh: '事件上报', en: 'event arrives' },
}

const reasons: Record<string, Said> = {
  NOTHING_CAME: { zh: '没有等到', en: 'nothing came' },
  UPSTREAM_SILENT: { zh: '上级平台未确认', en: 'no platform acknowledged it' },
  NOT_TRIED: { zh: '未测', en: 'not tried' },
  NOT_SEEN: { zh: '无人确认', en: 'nobody looked' },
  SEEN_OTHERWISE: { zh: '验收人看到并非如此', en: 'the installer saw otherwise' },
  ALARM_STANDS: { zh: '报警仍在', en: 'an alarm stands' },
  NEVER_HEARD: { zh: '从未有消息', en: 'never heard of' },
  QUALITY_NOT_GOOD: { zh: '读数质量不佳', en: 'readings are not good' },
  READER_NOT_INSTALLED: {
    zh: '未安装:请用 linli reader install 安装',
    en: 'not installed: linli reader install does it',
  },
  READER_INSTALLING: { zh: '正在安装', en: 'is being installed' },
  READER_OFFLINE: { zh: '无应答:请检查接线与地址', en: 'does not answer: look at its wiring and address' },
  PARK_RAIN_LOCK: {
    zh: '雨锁:雨量计须连续 30 分钟正常且无雨;请届时再试',
    en: 'rain lock: a gauge has to be good and dry for 30 min first; try again then',
  },
  GATEWAY_OFFLINE: { zh: '网关离线', en: 'its gateway is away' },
}

const language = languageOf(process.env)

export type InstructionKey = keyof typeof instructions
export type QuestionKey = keyof typeof questions
export const word = (key: keyof typeof words) => words[key][language]
export const instruction = (key: InstructionKey) => instructions[key][language]
export const question = (key: QuestionKey) => questions[key][language]

export function deviceLine(name: string, title: string, { number, of }: { number: number; of: number }): string {
  return `\n[${number}/${of}] ${name}  ${title}`
}

const MARKS = { pass: '✓', fail: '×', skip: '–' } as const

/** What is known only at the end, when a command has told how the clocks differ. */
export function doneLine({ outcome, checks: made }: DeviceOutcome): string {
  const edge = made.find(({ measured }) => measured?.edgeToHub_ms !== undefined)
  return `${word(outcome)}${edge ? `  (${checks[edge.check]?.[language] ?? edge.check} ${measuredText(edge)})` : ''}`
}

export function checkLine(check: Check, spoken: 'zh' | 'en' = language): string {
  const said = saidOf(check.check, spoken)
  const why = check.reason === undefined ? '' : `: ${reasons[check.reason]?.[spoken] ?? check.reason}`
  const measured = measuredText(check)
  return `${MARKS[check.outcome]} ${said}${why}${measured === '' ? '' : `  ${measured}`}`
}

/** Of a part that has a name of its own, with that name. */
function saidOf(check: string, spoken: 'zh' | 'en'): string {
  const known = checks[check]?.[spoken]
  if (known !== undefined) return known
  const [, what = '', name = '', seen] = /^(reader|output)-(.*?)(-seen)?$/.exec(check) ?? []
  const part = parts[`${what}${seen ?? ''}`]
  return part ? `${part[spoken]} ${name}` : check
}

const parts: Record<string, Said> = {
  reader: { zh: '读卡器', en: 'card reader' },
  output: { zh: '输出命令', en: 'output, by command:' },
  'output-seen': { zh: '输出已接通', en: 'output seen:' },
}

/** Signs and figures only: the same in both languages. */
export function measuredText({ measured = {} }: Check): string {
  const {
    edgeToHub_ms,
    edgeToHub_uncertainty_ms,
    upstream_ms = {},
    command_ms,
    held_ms,
    quantity,
    unit,
    before,
    after,
  } = measured
  const parts = [
    edgeToHub_ms === undefined ? '' : `→ hub ${edgeToHub_ms} ± ${edgeToHub_uncertainty_ms} ms`,
    ...Object.entries(upstream_ms).map(([name, took_ms]) => `→ ${name} ${took_ms} ms`),
    command_ms === undefined ? '' : `${command_ms} ms`,
    held_ms === undefined ? '' : `(${held_ms} ms)`,
    quantity === undefined
      ? ''
      : `${quantity} ${short(before)} → ${short(after)} ${unit === 'Cel' ? '°C' : (unit ?? '')}`.trim(),
  ]
  return parts.filter((part) => part !== '').join(' ')
}

function short(value: number | undefined): string {
  return value === undefined ? '–' : String(Math.round(value * 100) / 100)
}

export const outcomeWords: Readonly<Record<DeviceOutcome['outcome'], Said>> = {
  pass: { zh: '通过', en: 'passed' },
  fail: { zh: '未通过', en: 'failed' },
  skip: { zh: '跳过', en: 'skipped' },
  open: { zh: '未验收', en: 'not tried' },
}
