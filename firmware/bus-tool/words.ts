import type { Refusal } from './set-address.ts'

/** What `linli bus` says, in Chinese and English, chosen by LINLI_LANG or the locale. */

export type Language = 'zh' | 'en'

export function languageOf(env: NodeJS.ProcessEnv): Language {
  const wanted = env.LINLI_LANG ?? env.LC_ALL ?? env.LC_MESSAGES ?? env.LANG ?? ''
  return wanted.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

type Text = Record<Language, string>

const words = {
  nobody: {
    zh: '无设备应答:请检查接线(A/B)、供电、波特率与校验',
    en: 'nobody answers: check the wires (A/B), power, speed and parity',
  },
  probably: { zh: '可能是', en: 'probably' },
  unknown: { zh: '未识别', en: 'not recognised' },
  unreadable: {
    zh: '应答无法读取:地址冲突,或校验不符',
    en: 'answers, unreadable: two on one address, or another parity',
  },
  doubled: { zh: '地址冲突:两台设备同一地址', en: 'two units have this address' },
  echo: { zh: '适配器会回显所发内容(已处理)', en: 'the adapter repeats what it sends (that is coped with)' },
  done: { zh: '已改地址并验证', en: 'has its new address, proven' },
} as const satisfies Record<string, Text>

const refusals: Record<Refusal, Text> = {
  'nobody-at-from': { zh: '原地址无应答', en: 'nobody answers at the old address' },
  'somebody-at-to': { zh: '新地址已被占用', en: 'somebody answers at the new address already' },
  unreadable: {
    zh: '应答无法读取:该地址上可能有两台设备,请逐台接入',
    en: 'the answers cannot be read: perhaps two units have this address; connect them one by one',
  },
  'unknown-profile': { zh: '没有这个设备档案;现有', en: 'there is no such profile; there are' },
  'no-address-register': {
    zh: '该档案未说明地址寄存器:请用 --register',
    en: 'the profile names no register for the address: give --register',
  },
  'not-recognised': {
    zh: '无法确定设备型号:请用 --profile 或 --register',
    en: 'cannot tell for sure what it is: give --profile or --register',
  },
  'address-too-high': { zh: '地址超出设备上限', en: 'the unit takes no address above' },
  refused: { zh: '设备拒绝', en: 'the unit refuses' },
  'two-at-from': {
    zh: '新旧地址都有应答:原地址上有两台设备',
    en: 'both addresses answer now: there were two units at the old one',
  },
  'restart-needed': {
    zh: '仍在原地址应答:请给设备断电重启后再扫描',
    en: 'still answers at the old address: switch it off and on, then scan',
  },
  lost: {
    zh: '新旧地址都无应答:请断电重启后再扫描',
    en: 'answers at neither address: switch it off and on, then scan',
  },
}

const language = languageOf(process.env)

export const word = (key: keyof typeof words): string => words[key][language]

export function refusalText(reason: Refusal, detail: string | undefined): string {
  return detail === undefined ? refusals[reason][language] : `${refusals[reason][language]}: ${detail}`
}
