import { languageOf } from '../bus-tool/words.ts'

/** What `linli scan` says, in Chinese and English. */

const words = {
  about: {
    zh: '查找已接入的板、总线设备、GPIO 芯片与摄像机;正在使用的串口不会被写入',
    en: 'find boards, units of buses, GPIO chips and cameras; a serial line in use is never written to',
  },
  port: { zh: '另加此串口;可重复', en: 'this serial line too; may be repeated' },
  camera: { zh: '直接询问此摄像机(主机[:端口]);可重复', en: 'ask this camera directly, host[:port]; may be repeated' },
  only: { zh: '仅查找 boards、buses、chips、cameras 中的', en: 'only some of boards, buses, chips, cameras' },
  deep: { zh: '总线:全部地址与波特率(每条线约五分钟)', en: 'buses: every address and speed, five minutes a line' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  codes: {
    zh: '退出码:0 有发现,1 没有发现,2 参数有误。',
    en: 'Exit codes: 0 something was found, 1 nothing was, 2 told wrongly.',
  },
  boards: { zh: '板', en: 'Boards' },
  buses: { zh: '总线设备', en: 'Units on buses' },
  chips: { zh: 'GPIO 芯片', en: 'GPIO chips' },
  cameras: { zh: '摄像机', en: 'Cameras' },
  lines: { zh: '串口', en: 'Serial lines' },
  none: { zh: '无', en: 'none' },
  usedBy: { zh: '正在使用', en: 'in use by' },
  silent: { zh: '无应答', en: 'nobody answers' },
  unit: { zh: '地址', en: 'unit' },
  unknown: { zh: '未识别', en: 'not recognised' },
  linesCount: { zh: '条线', en: 'lines' },
  forbidden: { zh: '无权限(组 gpio?)', en: 'may not be opened (group gpio?)' },
  use: { zh: '在小区中使用', en: 'in the site' },
  looking: { zh: '正在查找', en: 'looking for' },
} as const

const language = languageOf(process.env)

export const word = (key: keyof typeof words): string => words[key][language]
