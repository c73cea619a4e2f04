import { type Language, languageOf } from '../language.ts'

/** What `linli client` says, in Chinese and English. */

const words = {
  about: { zh: '枢纽的 MQTT 账号', en: 'MQTT accounts of a hub' },
  add: {
    zh: '新增账号或重设密钥(其连接将断开;授权按本次给出的为准)',
    en: 'add an account, or give it a new secret; its connections end, its grants are those given here',
  },
  remove: { zh: '删除账号(其连接立即断开)', en: 'remove an account; its connections end at once' },
  list: { zh: '列出账号', en: 'the accounts, without their secrets' },
  show: { zh: '一个账号及其授权', en: 'one account and what it was granted' },
  grant: {
    zh: '增加平台账号的授权(其连接断开后重连生效)',
    en: 'grant a platform more; its connections end and come back with it',
  },
  revoke: {
    zh: '收回平台账号的授权(立即生效:订阅、保留与排队的消息一并终止)',
    en: 'take grants back from a platform, at once: subscriptions, retained and queued messages end with them',
  },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  role: { zh: 'gateway、camera、platform 或 home-assistant', en: 'gateway, camera, platform or home-assistant' },
  gateway: {
    zh: '网关角色:所代表的网关(默认同名);摄像机角色:为其读车牌的网关',
    en: 'role gateway: the gateway it speaks for (default: the name); role camera: the one that it reads plates for',
  },
  camera: {
    zh: '摄像机角色:所代表的摄像机(默认同名)',
    en: 'role camera: the camera it speaks for (default: the name)',
  },
  read: {
    zh: '可读取:all,或 class、gateway、device、building、floor、spot、channel 的组合,如 class=alarm-button,building=3;可重复',
    en: 'may read: all, or fields of class, gateway, device, building, floor, spot, channel, such as class=alarm-button,building=3; may be repeated',
  },
  command: {
    zh: '可下达的命令:all,或 class、gateway、device、building、floor、spot、name 的组合,如 class=access-gate,name=open;可重复',
    en: 'may command: all, or fields of class, gateway, device, building, floor, spot, name, such as class=access-gate,name=open; may be repeated',
  },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  removed: { zh: '已删除', en: 'is removed' },
  none: { zh: '尚无账号', en: 'no account yet' },
  mayRead: { zh: '可读取', en: 'reads' },
  mayCommand: { zh: '可命令', en: 'commands' },
  nothing: { zh: '(无)', en: '(nothing)' },
  needsGrants: {
    zh: '--role platform 需要 --read 或 --command;整个小区:--read all --command all',
    en: '--role platform needs --read or --command; the whole estate is --read all --command all',
  },
  needsSome: { zh: '请给出 --read 或 --command', en: 'give --read or --command' },
  platformsOnly: { zh: '只有 --role platform 有授权', en: '--read and --command are for --role platform' },
} as const

const language: Language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
