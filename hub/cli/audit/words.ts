import type { FindingKind } from '../../audit/verifier.ts'
import { languageOf } from '../language.ts'

/** What `linli audit` says. */
const words = {
  about: {
    zh: '审计日志:谁在何时做了什么;枢纽运行与否均可',
    en: 'the audit log: who did what, and when; the hub may run or not',
  },
  show: { zh: '列出审计记录,旧的在前', en: 'list the lines, oldest first' },
  verify: {
    zh: '检查整条哈希链:找出被改动、删除或调换的行。退出码:0 完好,1 无法检查,2 参数有误,3 有问题',
    en: 'go along the whole chain: finds every changed, removed or reordered line. Exit codes: 0 whole, 1 not checked, 2 told wrongly, 3 something is wrong',
  },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  since: { zh: '只看此时之后,如 2026-11-23', en: 'only from this time on, e.g. 2026-11-23' },
  kind: { zh: '只看此类', en: 'only of this kind' },
  actor: { zh: '只看此人或系统,如 platform:desk', en: 'only of this actor, e.g. platform:desk' },
  showJson: { zh: '按原样输出每行(可再用 verify --file 检查)', en: 'the lines as they are (verify --file takes them)' },
  json: { zh: '标准输出为一个 JSON 对象', en: 'one JSON object on stdout' },
  file: { zh: '检查 show --json 存出的文件;- 为标准输入', en: 'lines saved by show --json; - is standard input' },
  head: {
    zh: '别处保存的链头 SEQUENCE:HASH(如上级平台收到的),可多次',
    en: 'a head kept elsewhere, SEQUENCE:HASH (as a platform was told), repeatable',
  },
  which: { zh: '请给出 --data 或 --file 其中之一', en: 'give either --data or --file' },
  noTime: { zh: '不是时间', en: 'that is no time' },
  noHead: { zh: '应为 SEQUENCE:HASH', en: 'give SEQUENCE:HASH' },
  noKind: { zh: '没有此类;可用', en: 'there is no such kind; there are' },
  headMissing: {
    zh: '注意:数据目录中没有 audit-head.json,无法发现末尾被截断',
    en: 'note: there is no audit-head.json in the data folder; whether the end was cut off cannot be told',
  },
  headDamaged: { zh: 'audit-head.json 已损坏', en: 'audit-head.json is damaged' },
  whole: { zh: '行,完好', en: 'lines, whole' },
  lines: { zh: '行', en: 'lines' },
  line: { zh: '第', en: 'line' },
  wrong: { zh: '处问题', en: 'findings' },
  by: { zh: '经', en: 'by way of' },
} as const

const findings: Record<FindingKind, { zh: string; en: string }> = {
  changed: { zh: '被改动', en: 'changed' },
  removed: { zh: '被删除', en: 'removed' },
  reordered: { zh: '次序不对', en: 'out of place' },
  broken: { zh: '与上一行不衔接', en: 'does not follow' },
  truncated: { zh: '末尾被截断', en: 'cut off at the end' },
  replaced: { zh: '整段被重写', en: 'written anew' },
}

export const word = (key: keyof typeof words): string => words[key][languageOf(process.env)]
export const findingWord = (kind: FindingKind): string => findings[kind][languageOf(process.env)]
