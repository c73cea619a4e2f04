import { languageOf } from './language.ts'

/** What `linli hub --help` says. */
const catalog = {
  about: {
    zh: '小区枢纽:接收网关消息,先落盘再确认,再转发给上级平台。HTTP 提供 /healthz 与 /metrics。',
    en: 'The hub of an estate: takes what gateways say, writes it to disk before it acknowledges it, and forwards it to the district platform. Serves /healthz and /metrics over HTTP.',
  },
  data: { zh: '数据目录', en: 'data folder' },
  site: { zh: '街道/社区/小区', en: 'place of the estate in the district' },
  name: { zh: '枢纽名称', en: 'name of this hub' },
  host: {
    zh: '加密端口的监听地址(默认:所有地址);不加密的端口只监听本机',
    en: 'address for what is encrypted (default: all); what is not listens on loopback only',
  },
  mqttsPort: { zh: 'MQTT over TLS 端口,0 = 任意空闲', en: 'MQTT over TLS, 0 = any free port' },
  httpsPort: {
    zh: 'HTTPS 端口(网关登记、WebSocket),0 = 任意空闲',
    en: 'HTTPS (enrolment, MQTT over WebSocket), 0 = any free port',
  },
  mqttPort: {
    zh: '本机不加密 MQTT 端口,0 = 任意空闲(默认:不开启;--dev 时 1883)',
    en: 'MQTT without TLS on loopback, 0 = any free port (default: none; with --dev 1883)',
  },
  httpPort: { zh: '本机 HTTP 端口,0 = 任意空闲', en: 'HTTP on loopback, 0 = any free port' },
  upstream: {
    zh: '上级平台 MQTT 地址,如 mqtt://user:secret@host:1883',
    en: 'MQTT broker of the district, e.g. mqtt://user:secret@host:1883',
  },
  upstreams: {
    zh: '多个上级平台的配置文件(JSON),仅用于本次运行;缺省为 site.json 中的 upstreams',
    en: 'JSON file of several upstreams, for this run; the upstreams of site.json when it is not given',
  },
  noFlows: { zh: '不运行流程(Node-RED)', en: 'without flows (Node-RED)' },
  homeAssistant: {
    zh: '在 Home Assistant 中显示本小区(MQTT 自动发现)',
    en: 'show the estate in Home Assistant (MQTT discovery)',
  },
  homeAssistantMayOpen: {
    zh: '允许从 Home Assistant 开门、抬杆(默认不允许)',
    en: 'let Home Assistant open doors and barriers (it may not by default)',
  },
  language: { zh: '小区语言:Home Assistant 中的名称', en: 'language of the site: names in Home Assistant' },
  dev: {
    zh: '开发模式:免登录,接受未知网关,仅限本机',
    en: 'development: no logins, unknown gateways accepted, loopback only',
  },
  historyRawDays: { zh: '原始读数保留天数', en: 'days that raw readings are kept' },
  historyMinuteDays: {
    zh: '分钟统计保留天数(小时统计永久保留)',
    en: 'days that minutes are kept; hours are kept for ever',
  },
  flapChanges: {
    zh: '十分钟内在线状态变化达到此次数即视为抖动(0 = 不判断)',
    en: 'changes of availability within ten minutes that are told as flapping instead, 0 = never',
  },
  watchdog: {
    zh: '报警通道正常时才喂的硬件看门狗,如 /dev/watchdog(默认:不使用)',
    en: 'the hardware watchdog, such as /dev/watchdog, fed while the way of alarms is proven (default: left alone)',
  },
  selfTest: {
    zh: '报警通道空闲多少秒后自检',
    en: 'seconds without anything on the way of alarms after which it is tested',
  },
  logLevel: { zh: '日志级别', en: 'how much to log' },
} as const

export function languageText(key: keyof typeof catalog): string {
  return catalog[key][languageOf(process.env)]
}
