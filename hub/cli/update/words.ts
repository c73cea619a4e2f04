import type { UpdateStep } from '../../update/update.ts'
import { languageOf } from '../language.ts'

/** What `linli update` and `linli rollback` say, in Chinese and English. */

type Word = Record<'zh' | 'en', string>

const words = {
  update: {
    zh: '从离线包更新本机软件,不正常则自动回退',
    en: 'bring this box to another version, from a file; back by itself when that is not well',
  },
  rollback: { zh: '回到之前的版本', en: 'back to the version before' },
  pack: { zh: '把本软件打成离线更新包', en: 'make a bundle of the software that this is, to carry to boxes' },
  file: { zh: '更新包 .tar.gz(旁边有 .json 与 .sig)', en: 'the bundle, .tar.gz, with its .json and .sig beside it' },
  base: { zh: '版本所在目录', en: 'where the versions are' },
  keep: { zh: '保留几个版本', en: 'how many versions stay' },
  first: { zh: '本机的第一个版本', en: 'the first version of this box: nothing runs yet' },
  data: { zh: '本机枢纽的数据目录(先备份)', en: 'data folder of the hub on this box, backed up first' },
  passphraseFile: { zh: '备份口令文件', en: 'file with the passphrase of that backup' },
  services: { zh: '要重启的服务', en: 'the services to restart' },
  health: { zh: '健康检查地址', en: 'where the hub says how it is' },
  healthSeconds: { zh: '多少秒内须恢复正常', en: 'seconds in which it has to be well' },
  to: { zh: '指定版本', en: 'this version' },
  out: { zh: '输出目录', en: 'folder for the bundle' },
  key: { zh: '发布者的 Ed25519 私钥(PEM)', en: "the publisher's Ed25519 private key, PEM" },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  notes: {
    zh: '若 BASE/publisher.pub 存在,只接受由它签名的包;否则只校验 SHA-256。\n退出码:0 完成,1 失败或已自动回退,2 参数或更新包有误(未作任何改变)。',
    en: 'Where BASE/publisher.pub is, only bundles signed by it are taken; else the SHA-256 is all that is looked at.\nExit codes: 0 done, 1 it failed or the old version runs again, 2 told wrongly or a bad bundle: nothing was changed.',
  },
  untrusted: {
    zh: '注意:没有 publisher.pub,未验证签名',
    en: 'note: no publisher.pub, so nobody vouches for this bundle',
  },
  unsaved: { zh: '注意:未给 --data,不作备份', en: 'note: without --data nothing is backed up' },
  runs: { zh: '当前版本', en: 'runs now' },
  removed: { zh: '已删除旧版本', en: 'removed' },
} as const satisfies Record<string, Word>

export const STEP_WORDS: Record<UpdateStep, Word> = {
  check: { zh: '检查更新包', en: 'checking the bundle' },
  backup: { zh: '备份数据', en: 'backing up the data' },
  unpack: { zh: '解包', en: 'unpacking' },
  prove: { zh: '试运行', en: 'trying whether it can run here' },
  switch: { zh: '切换版本', en: 'turning to it' },
  restart: { zh: '重启服务', en: 'restarting the services' },
  health: { zh: '健康检查', en: 'waiting until it is well' },
  tidy: { zh: '清理旧版本', en: 'removing old versions' },
}

export const language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
