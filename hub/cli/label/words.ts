import { languageOf } from '../language.ts'
import { SHEETS } from './sheets.ts'

/** What `linli label` says; labels themselves carry both languages. */

const words = {
  about: {
    zh: '打印标签:每个网关和设备一张,含名称、位置、编号与二维码(PDF 或 SVG)',
    en: 'labels to print: one for each gateway and device, with name, place, id and QR code (PDF or SVG)',
  },
  devices: { zh: '仅这些设备或网关(默认全部)', en: 'only these devices or gateways (default: all)' },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  out: {
    zh: '写入的文件,.pdf 或 .svg(多页 SVG 加页号)',
    en: 'file to write, .pdf or .svg (several pages: -1.svg, -2.svg …)',
  },
  sheet: {
    zh: `标签纸:${Object.keys(SHEETS).join('、')};或标签机用的单张 宽x高(毫米),如 62x29`,
    en: `${Object.keys(SHEETS).join(', ')}, or one label a page for a label printer: width x height in mm, e.g. 62x29`,
  },
  start: {
    zh: '首张标签的位置(用过一部分的标签纸)',
    en: 'position of the first label, on a sheet that is partly used',
  },
  cut: { zh: '裁切线', en: 'marks to cut along' },
  gateway: { zh: '仅此网关及其设备;可重复', en: 'only this gateway and its devices; may be repeated' },
  building: { zh: '仅此楼栋的设备', en: 'only devices of this building' },
  floor: { zh: '仅此楼层的设备', en: 'only devices of this floor' },
  codes: {
    zh: '网关标签印一次性登记码(24 小时内有效,属机密;枢纽须在运行)',
    en: 'print a new enrolment code on labels of gateways: a secret, good once, for 24 hours; the hub must run',
  },
  host: { zh: '网关访问枢纽的地址', en: 'how gateways reach this hub' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  codesOut: { zh: '退出码:0 完成,1 失败,2 参数有误。', en: 'Exit codes: 0 done, 1 it failed, 2 told wrongly.' },
  written: { zh: '已写入', en: 'written' },
  labels: { zh: '张标签', en: 'labels' },
  pages: { zh: '页', en: 'pages' },
  none: { zh: '没有符合条件的标签', en: 'there is nothing to print a label for' },
  secret: {
    zh: '其中有登记码:用后请销毁,只有文件所有者可读',
    en: 'enrolment codes are in it: readable by its owner only; destroy what is left over',
  },
} as const

/** On the labels, for whoever stands in front of one. */
const kinds: Record<string, string> = {
  'alarm-button': '报警按钮 Alarm button',
  door: '门 Door',
  barrier: '道闸 Barrier',
  'park-sensor': '公园传感器 Park sensor',
  gateway: '网关 Gateway',
}

export const word = (key: keyof typeof words) => words[key][languageOf(process.env)]
export const kindWords = (kind: string) => kinds[kind] ?? kind
/** Both languages: it is read by whoever unpacks the box. */
export const codeLine = (code: string, until: string) => `登记码 Code ${code} 至 until ${until}`
