import { languageOf } from '../language.ts'

/** What `linli import` says, in Chinese and English. */

const words = {
  about: {
    zh: '从表格(CSV 或 .xlsx)导入设备;默认只显示差异,--apply 才写入;要么全部,要么全不',
    en: 'devices from a sheet (CSV or .xlsx): shows what would change; --apply writes it, all or nothing',
  },
  columns: {
    zh: '首行为列名:网关、种类、编号(必需),楼栋、楼层、位置、名称、板、总线、芯片、串口,以及设备自身的字段,如 contactPin。空单元格不改变原值。',
    en: 'The first row names the columns: gateway, kind, id (required), building, floor, spot, label, board, bus, chip, port, and\nfields of the devices, such as contactPin. An empty cell leaves what is there.',
  },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  apply: { zh: '写入', en: 'write it' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  mistakes: { zh: '表格有误,未写入任何内容', en: 'the sheet has mistakes, nothing was written' },
  add: { zh: '新增', en: 'to add' },
  change: { zh: '更改', en: 'to change' },
  same: { zh: '不变', en: 'as they are' },
  dry: { zh: '仅为预览,加 --apply 写入', en: 'nothing was written yet: --apply does it' },
  nothing: { zh: '无变化', en: 'nothing to change' },
  applied: { zh: '已写入', en: 'written' },
} as const

const language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
