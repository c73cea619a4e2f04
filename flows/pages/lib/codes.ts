import { words } from './words.ts'

/** Why something was not done, as people say it: by the code of the contract or of the hub. */

export const CODES = {
  // gates
  GATE_SAFETY_OCCUPIED: ['通道上有人或车,不会关闭', 'something is in the way: it does not close'],
  GATE_SAFETY_UNKNOWN: [
    '安全感应失灵,按有人处理,不会关闭',
    'the safety sensor is out of order, which counts as occupied',
  ],
  GATE_POSITION_UNKNOWN: ['不知道门在什么位置,请看现场', 'where the gate stands is unknown: look at it'],
  GATE_EVACUATING: ['正在疏散:先结束疏散', 'an evacuation is on: end it first'],
  GATE_LOCKED_DOWN: ['门已封闭:先换模式', 'locked down: set another mode first'],
  GATE_MODE_FORBIDS: ['现在的模式不允许', 'the mode that holds does not allow this'],
  GATE_MODE_UNKNOWN: ['这种门没有这个模式', 'this kind of gate has no such mode'],
  GATE_FAULT: ['有故障:先看现场,再复位', 'a fault stands: look at the gate, then reset it'],
  GATE_MOTION_TIMEOUT: ['没有按时到位,请看现场', 'it did not get there in time: look at it'],
  GATE_SUPERSEDED: ['被后来的命令或疏散代替', 'a later order or an evacuation took its place'],
  GATE_OFFLINE: ['门的控制板没有应答', 'its board does not answer'],
  GATE_ENDED_BY_NAME: ['疏散由另一道命令结束', 'its evacuation was ended by another order'],
  ESTATE_RELEASE_INCOMPLETE: [
    '不是每道门都报告已打开,请看门禁页',
    'not every gate said that it is open: see the gates',
  ],
  ESTATE_END_INCOMPLETE: [
    '不是每道门都报告已结束疏散,请看门禁页',
    'not every gate said that its evacuation has ended: see the gates',
  ],
  ESTATE_SUPERSEDED: ['被后来的疏散命令代替', 'a later order of evacuation took its place'],
  EVACUATION_DOUBTFUL: ['记录损坏,疏散命令存疑', 'its record was damaged: it is doubtful'],
  // parks
  PARK_QUANTITY_UNKNOWN: ['传感器不测这个量', 'this sensor measures no such quantity'],
  PARK_OUTPUT_UNKNOWN: ['设备没有这路输出', 'this device has no such output'],
  PARK_OUTPUT_LIMIT: ['超过这路输出允许的时长', 'longer than this output may be on'],
  PARK_OUTPUT_PAUSE: ['这路输出要先歇一会儿', 'this output has to rest first'],
  PARK_RAIN_LOCK: ['正在下雨,或不知道有没有下雨', 'it rains, or it is not known whether it does'],
  PARK_SUPERSEDED: ['被后来的命令代替', 'a later order took its place'],
  PARK_SETTING_UNKNOWN: ['没有这项设置', 'there is no such setting'],
  PARK_SETTING_RANGE: ['数值超出允许范围', 'this value is not allowed'],
  PARK_CALIBRATION_INVALID: ['校准数据不对', 'these numbers are no calibration'],
  PARK_DEVICE_REFUSED: ['设备拒绝了', 'the device refused it'],
  PARK_OFFLINE: ['设备没有应答', 'the device does not answer'],
  // readers and configuration, in the audit log
  READER_UNKNOWN: ['没有这个读卡器', 'there is no such reader'],
  READER_BUSY: ['读卡器正在安装', 'the reader is being installed'],
  READER_OFFLINE: ['读卡器没有应答', 'the reader does not answer'],
  READER_KEY_REFUSED: ['读卡器的密钥不对', 'the reader has another key'],
  READER_KEY_NOT_TAKEN: ['读卡器没有接受新密钥', 'the reader kept its old key'],
  READER_RECORD_IO: ['网关写不进磁盘', 'the gateway could not write to its disk'],
  CONFIG_UNTRUSTED: ['配置的签名不对', 'the configuration is not signed by the right authority'],
  CONFIG_STALE: ['网关已有这个或更新的配置', 'the gateway has this configuration or a later one'],
  CONFIG_INVALID: ['配置有错', 'the configuration is wrong'],
  CONFIG_START_FAILED: ['新配置起不来,已退回上一份', 'it could not start, the one before is in use'],
  CONFIG_IO: ['网关写不进磁盘', 'the gateway could not write to its disk'],
  // any device
  GATEWAY_OFFLINE: ['设备的网关不在线,没有发出', 'the gateway of the device is offline: it was not sent'],
  GATEWAY_RESTARTED: [
    '执行时网关重启了,设备可能已经动作,请看现场',
    'the gateway restarted meanwhile: look at the device',
  ],
  DEVICE_UNKNOWN: ['没有这台设备', 'there is no such device'],
  DEVICE_INVALID: ['设备的资料有错', 'what was said of the device is wrong'],
  DRIVER_FAILED: ['设备的驱动出错', 'the driver of the device failed'],
  DRIVER_TIMEOUT: ['设备的驱动没有应答,请看现场', 'the driver of the device did not answer: look at it'],
  RESULT_UNKNOWN: ['没有收到结果,设备可能已经动作,请看现场', 'no result came: look at the device, it may have acted'],
  COMMAND_EXPIRED: ['太迟了,没有执行', 'it came too late and was not done'],
  COMMAND_EXPIRY_TOO_FAR: ['有效期太长', 'it was to hold for too long'],
  COMMAND_REPLAYED: ['同一命令已经处理过', 'this order was dealt with before'],
  COMMAND_UNKNOWN: ['设备没有这种命令', 'the device has no such order'],
  COMMAND_NOT_FROM_PAGES: ['不能从页面下达', 'it cannot be given from a page'],
  COMMAND_NOT_FINISHED: ['还没有结果,请看现场', 'it has not ended: look at the device'],
  COMMANDS_BUSY: ['命令太多,请稍后再试', 'too many orders at once: try again later'],
  HUB_RESTARTED: ['枢纽重启了,请重做', 'the hub restarted: do it again'],
  HUB_UNKNOWN: ['没有这个枢纽', 'there is no such hub'],
  HUB_AWAY: ['枢纽没有应答', 'the hub does not answer'],
  JOURNAL_DAMAGED: ['记录损坏', 'the journal was damaged'],
  REQUEST_FAILED: ['枢纽现在做不了,请稍后再试', 'the hub cannot do it now: try again later'],
  SCHEMA_VIOLATION: ['填写的内容不对', 'something in it is wrong'],
  REPLAY_RANGE: ['补发的范围不对', 'the range of the replay is wrong'],
  REPLAY_UPSTREAM: ['没有这个上级平台', 'there is no such platform'],
  REPLAY_BUSY: ['补发太多,请稍后', 'too many replays at once'],
  REPLAY_BROKEN: ['补发中断', 'the replay ended early'],
  // incidents
  INCIDENT_UNKNOWN: ['没有这个事件,或早已办完', 'there is no such incident, or it was closed long ago'],
  INCIDENT_STEP: ['别人已经处理过这一步', 'somebody else was quicker: it is past that step'],
  INCIDENT_TEAM: ['没有这支队伍或这个人', 'there is no such team or person'],
  INCIDENT_FULL: ['未办完的事件太多,请先办完一些', 'too many incidents are open: finish some first'],
  INCIDENT_UNKEPT: ['枢纽写不进磁盘,请再试', 'the hub could not write it to its disk: try again'],
  INCIDENT_FAILED: ['枢纽出错,没有办成', 'the hub failed on it: nothing was done'],
  INCIDENT_RESTARTED: ['枢纽重启了,请再试', 'the hub restarted: try again'],
  PICTURE_UNKNOWN: ['事件没有这张图片', 'the incident has no such picture'],
  PICTURE_GONE: ['图片已过保存期限', 'the picture is kept no more'],
  PICTURE_DAMAGED: ['图片文件损坏', 'the file of the picture is damaged'],
  // people, sheets, plan
  ROLE_TOO_LOW: ['没有权限', 'this role may not'],
  LOGIN_NEEDED: ['请先登录', 'log in first'],
  LOGIN_REFUSED: ['账号或密码不对', 'name or password is wrong'],
  LOGIN_PAUSED: ['试错太多,暂停登录', 'too many wrong tries: paused'],
  LOGIN_BUSY: ['登录的人太多', 'too many logins at once'],
  SECRET_WEAK: ['密码太弱', 'the password is too weak'],
  PERSON_UNKNOWN: ['没有这个人', 'there is no such person'],
  PERSON_INVALID: ['人员资料有错', 'what was said of the person is wrong'],
  PEOPLE_LAST_ADMIN: ['最后一个管理员不能去掉', 'the last admin has to stay'],
  ACCOUNT_UNKNOWN: ['没有这个账号', 'there is no such account'],
  GRANT_INVALID: ['授权有错', 'these rights are wrong'],
  ACCESS_DENIED: ['没有权限', 'it has no right to this'],
  REGISTRY_IO: ['枢纽写不进磁盘', 'the hub could not write to its disk'],
  SITE_IO: ['枢纽写不进磁盘', 'the hub could not write to its disk'],
  SITE_INVALID: ['site.json 有错', 'site.json is wrong'],
  HANDOVER_UNKNOWN: ['没有这张交接单', 'there is no such sheet'],
  HANDOVER_OPEN: ['上一张交接单还没有人接班', 'the sheet before waits for whoever takes over'],
  HANDOVER_SIGNED: ['这张交接单已经签过', 'this sheet was signed before'],
  HANDOVER_SAME_PERSON: ['交班和接班不能是同一个人', 'leaving and taking over need two people'],
  PLAN_MISSING: ['还没有平面图', 'there is no plan yet'],
  PLAN_TOO_LARGE: ['图片太大', 'the picture is too large'],
  PLAN_TYPE: ['请用 PNG、JPEG 或 WebP 图片', 'use a PNG, JPEG or WebP picture'],
} as const satisfies Record<string, readonly [string, string]>

const codeWords = words(CODES)

/** Undefined where there are no words for it. */
export function codeWord(code: string | undefined): string | undefined {
  return code !== undefined && Object.hasOwn(CODES, code) ? codeWords(code as keyof typeof CODES) : undefined
}

/** Why it was not done; in the hub's own words where there are none here. */
export function reasonOf({ code, message }: { code?: string | undefined; message?: string | undefined }): string {
  return codeWord(code) ?? message ?? code ?? ''
}
