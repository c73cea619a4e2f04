import type { EnrolledGateway } from '../../enrolment/counter.ts'
import { type Language, languageOf } from '../language.ts'

/** What `linli enrol` says, in Chinese and English. */

const words = {
  code: { zh: '登记码', en: 'code' },
  until: { zh: '有效期至', en: 'until' },
  atTheGateway: { zh: '在网关上运行:', en: 'At the gateway:' },
  none: { zh: '尚未签发任何证书', en: 'no certificate was given out yet' },
  revoked: { zh: '个证书已吊销', en: 'certificates revoked' },
} as const

const statuses: Record<EnrolledGateway['status'], Record<Language, string>> = {
  counts: { zh: '有效', en: 'counts' },
  revoked: { zh: '已吊销', en: 'revoked' },
  expired: { zh: '已过期', en: 'expired' },
}

const language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
export const statusWord = (status: EnrolledGateway['status']) => statuses[status][language]
