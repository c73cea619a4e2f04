import { languageOf } from '../language.ts'

/** What `linli support` says, in Chinese and English. */

const words = {
  about: { zh: '收集诊断信息(不含密码、密钥与个人信息)', en: 'one file for whoever helps, without secrets and names' },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  gateway: { zh: '网关配置文件', en: 'configuration of the gateway' },
  out: { zh: '输出文件(不覆盖已有文件)', en: 'the bundle, a file that is not there yet' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  one: { zh: '请给出 --data 或 --gateway-config 之一', en: 'give either --data or --gateway-config' },
  missing: { zh: '无法取得', en: 'could not be had' },
  notes: {
    zh: '只收集白名单中的字段:版本、诊断代码、配置(编号与接线)、指标、日志代码、审计行(不含人员与对象)、各文件大小。\n退出码:0 完成,1 失败,2 参数有误。',
    en: 'Only fields that are on a list go in: versions, codes of the doctor, configuration (ids and wiring), metrics, codes of the log, lines of the audit\nlog without who and whom, sizes of files. Exit codes: 0 done, 1 it failed, 2 told wrongly.',
  },
} as const

const language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
