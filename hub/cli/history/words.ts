import { languageOf } from '../language.ts'

/** What `linli history` says. */
const words = {
  about: { zh: '传感器历史数据;枢纽须在运行', en: 'readings of the past; the hub must run' },
  export: { zh: '导出原始读数为 CSV(默认保留 30 天)', en: 'save raw readings as CSV (30 days of them are kept)' },
  from: {
    zh: '起始时间,如 2026-11-23 或 2026-11-23T08:00:00+08:00',
    en: 'begin, e.g. 2026-11-23 or 2026-11-23T08:00:00+08:00',
  },
  to: { zh: '结束时间,不含(默认:现在)', en: 'end, not included (default: now)' },
  device: { zh: '设备,如 gw-1/air-1(默认:全部)', en: 'device, e.g. gw-1/air-1 (default: all)' },
  quantity: { zh: '量,如 temperature(默认:全部)', en: 'quantity, e.g. temperature (default: all)' },
  output: { zh: '输出文件(默认:标准输出)', en: 'file to write (default: stdout)' },
  hub: { zh: '枢纽的 HTTP 地址', en: 'HTTP address of the hub' },
  noUrl: { zh: '不是网址', en: 'that is no URL' },
  noHub: { zh: '无法连接枢纽,请确认其在运行', en: 'cannot reach the hub; is it running?' },
  cut: { zh: '传输中断,文件不完整', en: 'the transfer ended early' },
  rows: { zh: '行', en: 'rows' },
} as const

export const historyWord = (key: keyof typeof words): string => words[key][languageOf(process.env)]
