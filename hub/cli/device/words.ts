import type { PushStatus } from '../../site/pusher.ts'
import { type Language, languageOf } from '../language.ts'

/** What `linli device` and `linli init` say, in Chinese and English. */

const words = {
  device: {
    zh: '小区的设备:写入 site.json;枢纽运行或停止时均可用',
    en: 'devices of the site, kept in site.json; works with the hub running and stopped',
  },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  add: { zh: '新增设备', en: 'add a device' },
  list: { zh: '列出设备', en: 'the devices' },
  show: { zh: '查看一个设备', en: 'one device, with all that is set' },
  rename: { zh: '更改设备编号(主题与历史随之改变)', en: 'give a device another id; its topics change with it' },
  move: { zh: '更改位置,或移到另一个网关', en: 'another place, or another gateway' },
  replace: { zh: '更换硬件,编号与位置不变', en: 'other hardware under the same id, in the same place' },
  remove: { zh: '删除设备', en: 'remove a device' },
  deviceName: { zh: '编号、网关/编号,或标签二维码的内容', en: 'its id, gateway/id, or what the QR on its label says' },
  newId: { zh: '1–40 个 a–z、0–9、-', en: '1–40 of a–z, 0–9, -' },
  gateway: { zh: '所属网关', en: 'its gateway' },
  kind: { zh: '种类', en: 'kind' },
  building: { zh: '楼栋', en: 'building' },
  floor: { zh: '楼层', en: 'floor' },
  spot: { zh: '位置', en: 'spot, e.g. lobby' },
  label: { zh: '显示名称', en: 'as people call it' },
  carrier: { zh: '所接的', en: 'the one that carries it:' },
  port: { zh: '板或总线的串口(首次使用时)', en: 'serial port of the board or bus, where it is new' },
  set: { zh: '接线与设置,如 contactPin=2;可重复', en: 'wiring and settings, e.g. contactPin=2; may be repeated' },
  added: { zh: '已新增', en: 'added' },
  changed: { zh: '已更改', en: 'changed' },
  removed: { zh: '已删除', en: 'removed' },
  nothing: { zh: '无变化', en: 'nothing to change' },
  version: { zh: '版本', en: 'version' },
  none: { zh: '尚无设备', en: 'no devices yet' },
} as const

const statuses: Record<PushStatus['status'], Record<Language, string>> = {
  current: { zh: '网关已使用本配置', en: 'the gateway runs on this' },
  waiting: { zh: '等待下发', en: 'not at the gateway yet' },
  refused: { zh: '网关拒绝本配置', en: 'the gateway refuses it' },
  silent: { zh: '网关尚未登记,使用自己的配置文件', en: 'not heard of, or not enrolled: runs on its own file' },
}

const language: Language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
export const statusWord = (status: PushStatus['status']) => statuses[status][language]
