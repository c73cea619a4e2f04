import { CHANNEL_WORDS } from '../../../hub/contract/words.ts'
import { commandWord, language, words } from './words.ts'

/** What stands in the audit log, as people say it. */

export const ACTIONS = {
  login: ['登录', 'Log in'],
  logout: ['退出', 'Log out'],
  'lock-out': ['暂停登录', 'Logins paused'],
  'secret-change': ['改密码', 'Change the password'],
  route: ['打开无权的页面或接口', 'Ask for what the role may not'],
  flows: ['修改流程', 'Change the flows'],
  'mqtt-connect': ['设备或平台接入', 'Connect of a device or platform'],
  'picture-look': ['查看图片', 'Look at a picture'],
  'plan-image': ['换平面图', 'Change the plan'],
  'plan-image-removed': ['移除平面图', 'Remove the plan'],
  'plan-positions': ['摆放设备', 'Place devices on the plan'],
  'site-edited': ['手工改 site.json', 'Edit site.json by hand'],
  'site-migrated': ['site.json 升级', 'site.json of a new release'],
  'device-add': ['添加设备', 'Add a device'],
  'device-rename': ['设备改名', 'Rename a device'],
  'device-move': ['设备改位置', 'Move a device'],
  'device-replace': ['更换设备', 'Replace a device'],
  'device-remove': ['移除设备', 'Remove a device'],
  'device-import': ['批量导入设备', 'Import devices'],
  commissioned: ['设备验收', 'Accept a device'],
  'person-add': ['添加人员', 'Add a person'],
  'person-secret': ['设人员密码', 'Set a person’s password'],
  'person-role': ['改人员角色', 'Change a person’s role'],
  'person-remove': ['移除人员', 'Remove a person'],
  'person-unlock': ['解除登录暂停', 'End a pause of logins'],
  'account-put': ['添加或修改账号', 'Put an account'],
  'account-remove': ['移除账号', 'Remove an account'],
  'account-grant': ['授权', 'Give rights'],
  'account-revoke': ['收回授权', 'Take rights back'],
  change: ['修改通行凭证', 'Change credentials'],
  'enrol-code': ['发入网码', 'Give out an enrolment code'],
  enrol: ['网关入网', 'Enrol a gateway'],
  renew: ['更新证书', 'Renew a certificate'],
  revoke: ['吊销证书', 'Revoke a certificate'],
  backup: ['备份', 'Back up'],
  restore: ['恢复备份', 'Restore a backup'],
  update: ['更新版本', 'Update'],
  rollback: ['退回版本', 'Go back a version'],
  'incident-not-raised': ['事件未能登记', 'An incident was not raised'],
  'commands-doubtful': ['记录损坏:旧命令作废', 'Journal damaged: older orders void'],
  'flows-rollback': ['退回流程的旧版本', 'Flows rolled back'],
  'evacuation-doubtful': ['记录损坏:疏散存疑', 'Journal damaged: evacuation doubtful'],
  shortened: ['删除最旧的记录', 'The oldest lines removed'],
} as const satisfies Record<string, readonly [string, string]>

const ACTORS = {
  person: ['{id}', '{id}'],
  installer: ['安装人员({id})', 'installer ({id})'],
  hub: ['枢纽({id})', 'hub ({id})'],
  gateway: ['网关 {id}', 'gateway {id}'],
  account: ['账号 {id}', 'account {id}'],
  platform: ['平台 {id}', 'platform {id}'],
  camera: ['摄像机 {id}', 'camera {id}'],
  flow: ['流程 {id}', 'flow {id}'],
  rule: ['规则 {id}', 'rule {id}'],
  resident: ['居民 {id}', 'resident {id}'],
  unknown: ['不明 {id}', 'unknown {id}'],
  web: ['页面 {id}', 'web {id}'],
  http: ['页面 {id}', 'web {id}'],
  https: ['网络 {id}', 'network {id}'],
  mqtt: ['MQTT {id}', 'MQTT {id}'],
  'home-assistant': ['Home Assistant {id}', 'Home Assistant {id}'],
  'command-line': ['命令行', 'command line'],
  counter: ['命令行', 'command line'],
} as const satisfies Record<string, readonly [string, string]>

/** Parts of the hub that act by themselves, and programs of installers. */
const PARTS = {
  'first-start': ['首次启动', 'first start'],
  commands: ['命令', 'orders'],
  incidents: ['事件', 'incidents'],
  evacuation: ['疏散', 'evacuation'],
  audit: ['审计', 'audit'],
  editor: ['编辑器', 'editor'],
} as const satisfies Record<string, readonly [string, string]>

const [actions, actors, parts] = [words(ACTIONS), words(ACTORS), words(PARTS)]

export function actionWord(action: string): string {
  if (Object.hasOwn(ACTIONS, action)) return actions(action as keyof typeof ACTIONS)
  const channel = /^publish-(\w+)$/.exec(action)?.[1]
  const told = (CHANNEL_WORDS as Record<string, { zh: string; en: string }>)[channel ?? '']
  if (told) {
    const name = told[language.value].split(/[::]/)[0]
    return language.value === 'zh' ? `发送${name}` : `Send: ${name}`
  }
  return commandWord(action)
}

/** `kind:id` of who it was, or from where. */
export function whoWord(text: string): string {
  const [kind = '', ...rest] = text.split(':')
  const id = rest.join(':')
  if (!Object.hasOwn(ACTORS, kind)) return text
  const said = Object.hasOwn(PARTS, id) ? parts(id as keyof typeof PARTS) : id
  return actors(kind as keyof typeof ACTORS, { id: said })
    .replace(/\(\)|\(\)| \(\)/, '')
    .trim()
}
