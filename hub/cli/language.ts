/** The words of the command line in Chinese and English, chosen by LINLI_LANG or the locale. */

export type Language = 'zh' | 'en'

export function languageOf(env: NodeJS.ProcessEnv): Language {
  const wanted = env.LINLI_LANG ?? env.LC_ALL ?? env.LC_MESSAGES ?? env.LANG ?? ''
  return wanted.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

const catalog = {
  about: { zh: '邻里:智慧社区边缘枢纽', en: 'Linli: edge hub for smart communities' },
  seeHelp: { zh: '(用 linli --help 查看可用命令)', en: '(see linli --help for what there is)' },
  eachHelp: { zh: '每个命令都有自己的 --help。', en: 'Each command has its own --help.' },
  demo: { zh: '一条命令运行整个演示小区', en: 'run a whole demo estate: simulator, gateways, hub, flows, upstream' },
  init: { zh: '新建小区', en: 'make a new site' },
  device: { zh: '管理小区设备', en: 'the devices of a site' },
  import: { zh: '从表格导入设备', en: 'devices from a sheet, CSV or Excel' },
  label: { zh: '打印设备与网关标签', en: 'labels with QR codes for devices and gateways' },
  commission: {
    zh: '逐台验收并签署验收记录',
    en: 'accept a site device by device, and sign the record',
  },
  scan: { zh: '查找板、总线设备、GPIO 芯片与摄像机', en: 'find boards, units of buses, GPIO chips and cameras' },
  doctor: { zh: '检查枢纽或网关所在的机器', en: 'look what is wrong with a hub or a gateway, and what to do' },
  backup: { zh: '加密备份枢纽', en: 'an encrypted backup of a hub, which may run meanwhile' },
  restore: { zh: '恢复备份到新目录', en: 'make a new data folder of a backup' },
  hub: { zh: '运行小区枢纽', en: 'run the hub of an estate' },
  gateway: { zh: '运行网关', en: 'run a gateway' },
  sim: { zh: '运行硬件模拟器', en: 'run the hardware simulator' },
  credential: {
    zh: '管理通行凭证:卡、密码、车牌',
    en: 'add and remove what opens gates: cards, PINs, number plates',
  },
  reader: { zh: '查看与安装门禁读卡器', en: 'look at card readers, and give them their keys' },
  upstream: { zh: '上级平台的状态与死信', en: 'platforms that the hub forwards to, and what they could not take' },
  history: { zh: '导出传感器历史数据', en: 'save readings of the past as CSV' },
  contract: { zh: '导出接口契约(AsyncAPI、JSON Schema)', en: 'print or save the contract: AsyncAPI, JSON Schemas' },
  user: { zh: '管理可登录枢纽的人员', en: 'the people who may log in, and what they may do' },
  client: { zh: '管理可连接枢纽的 MQTT 账号', en: 'add the MQTT accounts that may connect to a hub' },
  audit: { zh: '查看与校验审计日志', en: 'look at the audit log, and see that nobody changed it' },
  enrol: { zh: '登记与吊销网关证书', en: 'codes and certificates by which gateways enrol' },
  bus: { zh: '扫描 Modbus 总线,修改设备地址', en: 'find the units of a Modbus line, and set their addresses' },
  gpio: { zh: '检查本机 GPIO 线', en: 'try the GPIO lines of this box by hand' },
  service: { zh: '安装为 systemd 服务', en: 'hub and gateway as services of systemd' },
  update: { zh: '离线更新本机软件', en: 'bring this box to another version, and back when that is not well' },
  rollback: { zh: '回到之前的版本', en: 'back to the version before' },
  support: { zh: '收集诊断信息(不含秘密)', en: 'one file for whoever helps, without secrets' },
  completion: { zh: '命令行补全脚本', en: 'what bash, zsh and fish need to complete commands' },
  help: { zh: '帮助;exit-codes 为退出码', en: 'this help; of exit-codes: what they mean' },
  exitCodes: {
    zh: [
      '所有命令的退出码:',
      '  0    完成',
      '  1    没有完成,或检查发现错误(doctor、audit verify、service status)',
      '  2    参数、配置或输入有误:什么都没有改变,消息说明哪里有误',
      '  128+n  被信号 n 结束(如 130:Ctrl-C)',
    ].join('\n'),
    en: [
      'Exit codes of every command:',
      '  0    done',
      '  1    it failed, or what was looked at is wrong (doctor, audit verify, service status)',
      '  2    told wrongly (arguments, configuration, input): nothing was changed, the message says what is wrong',
      '  128+n  ended by signal n, such as 130 by Ctrl-C',
    ].join('\n'),
  },
  demoAbout: {
    zh: '演示小区:模拟器 → 两个网关(报警按钮、门、道闸)→ 枢纽与流程 → 上级平台',
    en: 'A demo estate: simulator → two gateways (alarm buttons, a door, a barrier) → hub and flows → district platform',
  },
  optUpstream: { zh: '上级平台的 MQTT 地址(默认:内置)', en: 'MQTT broker of the district (default: an embedded one)' },
  optMqttPort: { zh: '枢纽的 MQTT 端口(0 = 任意空闲)', en: 'MQTT port of the hub (0 = any free one)' },
  optHttpPort: { zh: '枢纽的 HTTP 端口(0 = 任意空闲)', en: 'HTTP port of the hub (0 = any free one)' },
  optData: {
    zh: '数据目录(默认:临时目录,退出时删除)',
    en: 'data folder (default: a temporary one, removed at the end)',
  },
  optBoard: {
    zh: '模拟板类型:protocol 或 firmware(真实固件)',
    en: 'simulated board: protocol, or firmware (the real StandardFirmata)',
  },
  optScenario: { zh: '要运行的场景文件(JSON)', en: 'scenario file to run (JSON)' },
  optFor: { zh: '运行若干秒后结束', en: 'end after this many seconds' },
  optJson: {
    zh: '标准输出每行一个 JSON(上级收到的消息)',
    en: 'one JSON object per message the district receives on stdout, nothing else',
  },
  optNoFlows: { zh: '不运行流程', en: 'without flows' },
  starting: { zh: '正在启动…', en: 'starting …' },
  ready: { zh: '已就绪', en: 'ready' },
  receives: { zh: '上级平台收到的消息:', en: 'What the district receives:' },
  keys: {
    zh: [
      '按键: [1-4] 按按钮 · [c] 剪断/接好 b1 电缆 · [u] 拔出/插回 board-a · [s] 停止/启动上级 · [r] 复位 b1',
      '  门  : [k] 刷业主卡 · [x] 刷陌生卡 · [w] 走进门 · [f] 强行开门',
      '  车  : [v] 业主车到达 · [n] 陌生车到达 · [o] 上级命令抬杆',
      '  公园: [t] 拔下/接好空气传感器 · [p] 下一阵雨 · [l] 开灯 10 秒 · [g] 开灌溉',
      '  小区: [e] 全小区紧急疏散/结束疏散 · [?] 帮助 · [q] 退出',
    ].join('\n'),
    en: [
      'Keys: [1-4] press a button · [c] cut/mend the cable of b1 · [u] unplug/replug board-a · [s] stop/start the upstream · [r] reset b1',
      '  door   : [k] known card · [x] unknown card · [w] walk in · [f] force it',
      '  barrier: [v] a resident drives up · [n] a stranger drives up · [o] the district opens it',
      '  park   : [t] unplug/replug the air sensor · [p] a shower of rain · [l] lamp on for 10 s · [g] water the lawn',
      '  estate : [e] evacuate/end the evacuation · [?] help · [q] quit',
    ].join('\n'),
  },
  stopping: { zh: '正在结束…', en: 'stopping …' },
  stopped: { zh: '已结束。', en: 'stopped.' },
  died: { zh: '意外退出', en: 'ended unexpectedly' },
} as const

export type TextKey = keyof typeof catalog

export function text(key: TextKey, language: Language = languageOf(process.env)): string {
  return catalog[key][language]
}
