import { type Language, languageOf } from '../language.ts'
import type { Level, Said } from './finding.ts'

/** What `linli doctor` says of itself, in Chinese and English. */

const words = {
  about: {
    zh: '检查枢纽(--data)或网关(--gateway-config)所在的机器,每项问题都说明怎么做',
    en: 'look what is wrong with the box of a hub (--data) or of a gateway (--gateway-config), and what to do about it',
  },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  gateway: { zh: '网关配置文件', en: 'configuration of the gateway' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  codes: {
    zh: '退出码:0 没有错误(可能有警告),1 发现错误,2 参数有误。语言由 LINLI_LANG 或系统语言决定。',
    en: 'Exit codes: 0 no errors (there may be warnings), 1 errors were found, 2 told wrongly.\nThe language is that of LINLI_LANG or of the locale.',
  },
  one: { zh: '请给出 --data 或 --gateway-config 之一', en: 'give either --data or --gateway-config' },
  todo: { zh: '怎么做', en: 'do' },
  ok: { zh: '正常', en: 'ok' },
  warning: { zh: '警告', en: 'warning' },
  error: { zh: '错误', en: 'error' },
} as const satisfies Record<string, Said> & Record<Level, Said>

export const language: Language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
