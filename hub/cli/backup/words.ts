import { languageOf } from '../language.ts'

/** What `linli backup` and `linli restore` say, in Chinese and English. */

const words = {
  backup: { zh: '加密备份枢纽数据目录(枢纽可在运行)', en: 'an encrypted backup of a hub, which may run meanwhile' },
  restore: { zh: '把备份恢复到新的目录', en: 'make a new data folder of a backup' },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  newData: { zh: '新的、空的数据目录', en: 'new data folder, empty or not there yet' },
  out: { zh: '备份文件(不覆盖已有文件)', en: 'the backup, a file that is not there yet' },
  passphraseFile: { zh: '含口令的文件', en: 'file with the passphrase' },
  withHistory: { zh: '连同历史读数(可能有数 GB)', en: 'with the readings of the past, which may be gigabytes' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  notes: {
    zh: '口令取自 --passphrase-file、环境变量 LINLI_BACKUP_PASSPHRASE 或终端提示。备份是标准 age 文件。不含图片;历史读数仅在 --with-history 时包含。\n退出码:0 完成,1 失败,2 参数、口令或备份有误。',
    en: 'The passphrase comes from --passphrase-file, from LINLI_BACKUP_PASSPHRASE, or is asked for. A backup is an age file\n(age-encryption.org). Pictures are not in it, readings of the past only with --with-history.\nExit codes: 0 done, 1 it failed, 2 told wrongly, wrong passphrase or damaged backup.',
  },
  passphrase: { zh: '口令', en: 'passphrase' },
  again: { zh: '再次输入口令', en: 'the same again' },
  short: { zh: '口令至少 10 个字符', en: 'the passphrase has fewer than 10 characters' },
  differs: { zh: '两次输入不一致', en: 'the two are not the same' },
  nowhere: {
    zh: '没有口令:用 --passphrase-file 或 LINLI_BACKUP_PASSPHRASE',
    en: 'no passphrase: give --passphrase-file or LINLI_BACKUP_PASSPHRASE',
  },
  made: { zh: '备份完成', en: 'backed up' },
  restored: { zh: '恢复完成', en: 'restored' },
  files: { zh: '个文件', en: 'files' },
  skipped: { zh: '未包含(文件名)', en: 'left out because of its name' },
} as const

const language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
