import { languageOf } from '../language.ts'

/** What `linli service` says, in Chinese and English. */

const words = {
  about: {
    zh: '把枢纽或网关安装为 systemd 服务',
    en: 'hub and gateway as services of systemd: hardened, restarted, watched',
  },
  install: { zh: '写入单元文件并启动服务', en: 'write the unit, make its user, start it now and at every boot' },
  uninstall: { zh: '停止服务并删除单元文件(数据保留)', en: 'stop it and remove the unit; its data stays' },
  status: { zh: '服务当前状态', en: 'how the services are' },
  show: { zh: '显示已安装的单元文件', en: 'the unit as it is installed' },
  dryRun: { zh: '只显示将写入的内容', en: 'print what would be written, and write nothing' },
  root: { zh: '写入其他根目录(镜像),不启动', en: 'write below this folder (an image) and start nothing' },
  app: { zh: '软件所在目录', en: 'where the software is' },
  watchdog: { zh: '硬件看门狗设备,如 /dev/watchdog', en: 'device of the hardware watchdog, such as /dev/watchdog' },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  which: { zh: '请给出 hub 或 gateway', en: 'say which: hub or gateway' },
  written: { zh: '已写入', en: 'written' },
  started: { zh: '已启动', en: 'started' },
  removed: { zh: '已删除,数据保留在', en: 'removed; its data stays in' },
  missing: { zh: '没有安装', en: 'is not installed' },
  codes: {
    zh: '退出码:0 完成,1 失败或服务未运行,2 参数有误。',
    en: 'Exit codes: 0 done, 1 it failed or a service does not run, 2 told wrongly.',
  },
  examples: {
    zh: '程序自己的参数写在 -- 之后:linli service install hub -- --upstream mqtt://…',
    en: 'What the program itself is to be told stands behind --: linli service install hub -- --upstream mqtt://…',
  },
} as const

const language = languageOf(process.env)

export const word = (key: keyof typeof words) => words[key][language]
