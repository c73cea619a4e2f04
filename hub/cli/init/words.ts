import { type Language, languageOf } from '../language.ts'

/** What `linli init` says, in Chinese and English. */

const words = {
  about: {
    zh: '新建小区枢纽、网关或两者:写入 site.json、gateway.json',
    en: 'make a new hub, gateway or both: writes site.json, gateway.json into the data folder',
  },
  data: { zh: '数据目录', en: 'data folder' },
  role: { zh: '本机角色:hub(枢纽)、gateway(网关)、both(两者)', en: 'what this box is: hub, gateway or both' },
  gateway: { zh: '网关编号', en: 'id of the gateway' },
  site: { zh: '街道/社区/小区(各 1–40 个 a–z、0–9、-)', en: 'street/community/estate, each 1–40 of a–z, 0–9, -' },
  name: { zh: '枢纽名称', en: 'name of the hub' },
  language: { zh: '小区语言', en: 'language of the site' },
  timeZone: { zh: '时区', en: 'time zone' },
  yes: { zh: '不提问,缺省项用默认值', en: 'ask nothing, take the defaults' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  made: { zh: '已新建', en: 'made' },
  atTheHub: { zh: '枢纽运行后,在枢纽上', en: 'at the hub, once it runs' },
  afterwards: { zh: '然后', en: 'then' },
  next: { zh: '下一步', en: 'next' },
} as const

export const initLanguage: Language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][initLanguage]
