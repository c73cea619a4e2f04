import { languageOf } from '../language.ts'

/** What `linli flows` says, in Chinese and English. */

const words = {
  about: { zh: '本小区流程的版本;0 为出厂版', en: 'versions of the flows of this site; 0 is the shipped one' },
  list: { zh: '列出各版本,新的在前', en: 'every version that is kept, newest first' },
  diff: {
    zh: '按节点比较两个版本;不给版本:最新版与出厂版',
    en: 'what differs by node; without versions: the newest from the shipped one',
  },
  rollback: {
    zh: '退回旧版本,枢纽运行中则立即生效;不删除任何版本',
    en: 'make an older version the newest, which a hub that runs takes up at once; nothing is deleted',
  },
  version: { zh: '版本', en: 'version' },
  newest: { zh: '版本,默认最新', en: 'version; the newest when absent' },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  notes: {
    zh: '退回记入审计日志。退出码:0 完成,1 失败,2 参数有误。',
    en: 'A rollback is in the audit log. Exit codes: 0 done, 1 it failed, 2 told wrongly.',
  },
  changed: { zh: '改动', en: 'changed' },
  removed: { zh: '移除', en: 'removed' },
  good: { zh: '稳定', en: 'good' },
  shipped: { zh: '出厂', en: 'shipped' },
  same: { zh: '没有差别', en: 'no difference' },
  runs: { zh: '已是最新版,流程已载入', en: 'is the newest now, and the flows run it' },
  waits: { zh: '已是最新版,流程下次启动时生效', en: 'is the newest now; it runs when the flows start next' },
} as const

const language = languageOf(process.env)
export const word = (key: keyof typeof words) => words[key][language]
