import type { ReaderCode, ReaderStatus } from '../../contract/gateway.ts'
import { READER_CODES } from '../../contract/gateway.ts'
import { type Language, languageOf } from '../language.ts'

/** What `linli reader` says, in Chinese and English. */

const statuses: Record<ReaderStatus, Record<Language, string>> = {
  secure: { zh: '加密', en: 'secure' },
  plain: { zh: '明文', en: 'plain' },
  installing: { zh: '安装中', en: 'installing' },
  'not-installed': { zh: '未安装', en: 'not installed' },
  offline: { zh: '离线', en: 'offline' },
}

const codesInChinese: Record<ReaderCode, string> = {
  READER_UNKNOWN: '该网关没有这个读卡器',
  READER_BUSY: '该读卡器正在安装',
  READER_OFFLINE: '读卡器没有应答或中途失联:请检查接线与地址,然后重新安装',
  READER_KEY_REFUSED: '读卡器持有他人的密钥:请恢复出厂设置后重新安装',
  READER_KEY_NOT_TAKEN: '读卡器仍保留旧密钥(旧密钥可用):请重新安装',
  READER_RECORD_IO: '网关无法写盘:请排除故障后重新安装',
}

const words = {
  noReaders: { zh: '没有读卡器', en: 'there are no card readers' },
  gatewayAway: { zh: '网关离线,此为最后所知', en: 'gateway offline: last known' },
  installing: { zh: '正在安装,最多一分钟…', en: 'installing, up to a minute …' },
  installed: { zh: '已安装:新密钥已验证', en: 'installed: the new key is proven' },
  learnt: { zh: '已接受当前读卡器(明文,无密钥)', en: 'accepted the unit that is there now (plain: it has no key)' },
} as const

const language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
export const statusWord = (status: ReaderStatus) => statuses[status][language]

/** What went wrong; of codes that are not about readers the message of whoever gave it. */
export function codeWord(code: string | undefined, message: string | undefined): string {
  if (code === undefined || !Object.hasOwn(READER_CODES, code)) return `${code ?? 'FAILED'}: ${message ?? ''}`
  const known = code as ReaderCode
  return `${known}: ${language === 'zh' ? codesInChinese[known] : READER_CODES[known]}`
}
