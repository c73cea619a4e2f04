import { ref, watchEffect } from 'vue'
import { CLASS_WORDS, COMMAND_WORDS, EVENT_WORDS } from '../../../hub/contract/words.ts'
import type { Place } from './shapes.ts'

/** What people read, in Chinese and English. Each component keeps its own words beside it; here is what several say. */

export type Language = 'zh' | 'en'
const KEY = 'linli-language'
/** Tests read words without a browser. */
const isBrowser = typeof window !== 'undefined'
const known = isBrowser ? localStorage.getItem(KEY) : null
export const language = ref<Language>(known === 'en' ? 'en' : 'zh')
/** Somebody chose it here; else the language of whoever logs in counts. */
export const isChosen = known !== null

watchEffect(() => {
  const lang = language.value === 'zh' ? 'zh-CN' : 'en'
  if (isBrowser) document.documentElement.lang = lang
})

export function choose(next: Language): void {
  language.value = next
  localStorage.setItem(KEY, next)
}

type Table = Readonly<Record<string, readonly [zh: string, en: string]>>

/** `{name}` in a text is filled in. */
export function words<T extends Table>(table: T) {
  return (key: keyof T, values: Readonly<Record<string, string | number>> = {}): string => {
    const text = table[key]?.[language.value === 'zh' ? 0 : 1] ?? String(key)
    return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
  }
}

const TERMS: Table = {
  // availability
  online: ['在线', 'online'],
  stale: ['久无消息', 'silent'],
  fault: ['故障', 'fault'],
  offline: ['离线', 'offline'],
  unknown: ['未知', 'unknown'],
  // gates
  door: ['门', 'Door'],
  barrier: ['道闸', 'Barrier'],
  open: ['打开', 'open'],
  closed: ['关闭', 'closed'],
  opening: ['正在打开', 'opening'],
  closing: ['正在关闭', 'closing'],
  stopped: ['停在中途', 'stopped'],
  locked: ['已上锁', 'locked'],
  unlocked: ['未上锁', 'unlocked'],
  card: ['刷卡', 'card'],
  'card-and-pin': ['卡加密码', 'card and PIN'],
  free: ['自由通行', 'free'],
  lockdown: ['封闭', 'lockdown'],
  evacuate: ['疏散', 'evacuation'],
  normal: ['正常', 'normal'],
  'free-flow': ['常开放行', 'free flow'],
  tidal: ['潮汐', 'tidal'],
  schedule: ['按时间表', 'schedule'],
  command: ['人工设置', 'set by staff'],
  evacuation: ['疏散', 'evacuation'],
  held: ['保持打开', 'held open'],
  forced: ['被强行打开', 'forced open'],
  'held-open-warning': ['长时间未关(提醒)', 'open for long (warning)'],
  'held-open': ['长时间未关', 'held open too long'],
  clear: ['通畅', 'clear'],
  occupied: ['有人或车', 'occupied'],
  'motion-timeout': ['动作超时', 'motion timeout'],
  'sensor-failed': ['传感器故障', 'sensor failed'],
  'sensor-stuck': ['传感器卡住', 'sensor stuck'],
  'limits-contradict': ['限位矛盾', 'limits contradict'],
  'sensor-unknown': ['传感器状态未知', 'sensor unknown'],
  'position-unknown': ['位置未知', 'position unknown'],
  in: ['进', 'in'],
  out: ['出', 'out'],
  plate: ['车牌', 'plate'],
  pin: ['密码', 'PIN'],
  request: ['按钮开门', 'exit button'],
  mode: ['模式放行', 'by mode'],
  none: ['无权限', 'without right'],
  // results
  accepted: ['已接收', 'accepted'],
  executing: ['执行中', 'being done'],
  succeeded: ['成功', 'done'],
  failed: ['失败', 'failed'],
  refused: ['被拒绝', 'refused'],
  expired: ['已过期', 'expired'],
  // incidents
  raised: ['待确认', 'not yet taken'],
  acknowledged: ['已确认', 'acknowledged'],
  dispatched: ['已派人', 'dispatched'],
  'on-site': ['已到场', 'on site'],
  resolved: ['已处理', 'resolved'],
  answered: ['已答复', 'answered'],
  'false-alarm': ['误报', 'false alarm'],
  major: ['大事', 'Major'],
  shared: ['小事', 'Shared'],
  private: ['私事', 'Private'],
  acknowledge: ['确认', 'acknowledge'],
  dispatch: ['派人', 'dispatch'],
  resolve: ['处理', 'resolve'],
  answer: ['答复', 'answer'],
  building: ['楼栋', 'building'],
  estate: ['小区', 'estate'],
  community: ['社区', 'community'],
  street: ['街道', 'street'],
  // causes of incidents, and what is in their story
  button: ['报警按钮被按下', 'Alarm button pressed'],
  'button-fault': ['报警按钮故障', 'Alarm button out of order'],
  unavailable: ['设备故障或失联', 'Device in fault or gone'],
  'gate-fault': ['门禁故障', 'Gate out of order'],
  threshold: ['公园数值超限', 'A reading over its limit'],
  raise: ['值班登记', 'Raised by staff'],
  submit: ['居民上报', 'Told by a resident'],
  repeated: ['再次报警', 'Again'],
  followed: ['后续情况', 'Then'],
  reopened: ['重新打开', 'Opened again'],
  'kind-corrected': ['改分类', 'Kind corrected'],
  assigned: ['指派', 'Assigned'],
  commented: ['备注', 'Comment'],
  confirmed: ['居民确认', 'Confirmed by the resident'],
  escalated: ['超时升级', 'Escalated'],
  reminded: ['再次提醒', 'Reminded'],
  notified: ['已通知', 'Notified'],
  delivery: ['通知送达', 'Notice delivered'],
  picture: ['图片', 'Picture'],
  // readings
  good: ['可信', 'good'],
  suspect: ['存疑', 'suspect'],
  bad: ['不可用', 'bad'],
  'out-of-range': ['超出量程', 'out of range'],
  'impossible-rate': ['变化过快', 'changed too fast'],
  stuck: ['数值不动', 'stuck'],
  spike: ['跳变', 'spike'],
  drift: ['漂移', 'drift'],
  'sensor-fault': ['传感器自报故障', 'sensor fault'],
  'bus-error': ['总线无应答', 'no reply on the bus'],
  'missing-data': ['数据不足', 'too little data'],
  // reasons
  'board-absent': ['控制板不在', 'board absent'],
  'board-unplugged': ['控制板被拔掉', 'board unplugged'],
  'gateway-offline': ['网关离线', 'gateway offline'],
  'loop-open': ['线路断开', 'loop open'],
  'loop-short': ['线路短路', 'loop short'],
  flapping: ['时断时续', 'on and off'],
  // quantities
  temperature: ['气温', 'Temperature'],
  humidity: ['湿度', 'Humidity'],
  'pm2.5': ['PM2.5', 'PM2.5'],
  pm10: ['PM10', 'PM10'],
  noise: ['噪声', 'Noise'],
  illuminance: ['照度', 'Light'],
  co2: ['二氧化碳', 'CO₂'],
  'soil-moisture': ['土壤湿度', 'Soil moisture'],
  'soil-temperature': ['土壤温度', 'Soil temperature'],
  'soil-ec': ['土壤电导率', 'Soil conductivity'],
  rain: ['雨量', 'Rain'],
  'wind-speed': ['风速', 'Wind'],
  'wind-direction': ['风向', 'Wind direction'],
  'water-level': ['水位', 'Water level'],
  uv: ['紫外线指数', 'UV index'],
  people: ['人流', 'People'],
  aqi: ['空气质量指数', 'Air quality index'],
  'aqi.day': ['日空气质量指数', 'Air quality of the day'],
  'heat-index': ['体感温度', 'Heat index'],
  'dew-point': ['露点', 'Dew point'],
}
const termWords = words(TERMS)

/** A word of the contract as people say it; itself where there is none. */
export function term(name: string | undefined): string {
  if (name === undefined) return ''
  return TERMS[name] ? termWords(name) : name
}

export function eventWord(type: string): string {
  return EVENT_WORDS[type]?.[language.value] ?? term(type)
}
export function commandWord(name: string): string {
  return COMMAND_WORDS[name]?.[language.value] ?? term(name)
}
export function classWord(name: string): string {
  return (CLASS_WORDS as Record<string, Record<Language, string>>)[name]?.[language.value] ?? name
}

/** Where it hangs; what it is when that is not said. */
export function deviceName(device: { class: string; device: string; place?: Place | null | undefined }): string {
  return placeName(device.place) || `${classWord(device.class)} ${device.device}`
}
/** The same of `{gateway}/{class}/{device}`. */
export function keyName(key: string, place?: Place | null): string {
  const [, kind = '', device = ''] = key.split('/')
  return deviceName({ class: kind, device, place })
}

/** Labels may carry both languages: `东门 East door`. */
export function placeName(place: Place | null | undefined): string {
  if (!place) return ''
  if (place.label !== undefined) return inLanguage(place.label)
  return [place.building, place.floor, place.spot].filter(Boolean).join(' · ')
}

function inLanguage(label: string): string {
  const both = /^(.*\p{Script=Han}\S*)\s+([\p{Script=Latin}\d][^\p{Script=Han}]*)$/u.exec(label)
  return both ? (both[language.value === 'zh' ? 1 : 2] as string) : label
}
