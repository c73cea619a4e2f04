import { languageOf } from '../language.ts'

/** What `linli user` says, in Chinese and English. */

const words = {
  about: { zh: '管理可登录枢纽的人员', en: 'the people who may log in at a hub, which may run meanwhile' },
  add: {
    zh: '新增人员,打印一次性初始密码',
    en: 'add somebody; prints a password that they have to change at their first login',
  },
  passwd: { zh: '重设密码;其所有登录失效', en: 'give somebody another password; all their logins end' },
  role: { zh: '更改角色;其所有登录失效', en: 'change what somebody may do; all their logins end' },
  list: { zh: '列出人员', en: 'everybody, without their passwords' },
  remove: { zh: '删除人员;其所有登录失效', en: 'remove somebody; all their logins end' },
  unlock: { zh: '解除登录暂停(密码错误过多)', en: 'end the pause that too many wrong passwords brought' },
  data: { zh: '枢纽数据目录', en: 'data folder of the hub' },
  roleOption: { zh: '角色', en: 'what they may do' },
  contact: { zh: '联系方式(电话、微信……)', en: 'how to reach them' },
  language: { zh: '语言', en: 'their language' },
  ask: {
    zh: '自行输入密码(终端提示,或从标准输入读一行),无需首次修改',
    en: 'type the password (asked for at the terminal, else one line of stdin); it need not be changed',
  },
  json: { zh: '标准输出一个 JSON 对象', en: 'one JSON object on stdout' },
  notes: {
    zh: '密码从不出现在命令行参数里。退出码:0 完成,1 失败,2 参数有误。',
    en: 'A password is never an argument, which everybody can list. Exit codes: 0 done, 1 it failed, 2 told wrongly.',
  },
  secret: { zh: '密码', en: 'password' },
  again: { zh: '再次输入密码', en: 'the same again' },
  differs: { zh: '两次输入不一致', en: 'the two are not the same' },
  nowhere: { zh: '没有输入密码', en: 'no password was given' },
  once: { zh: '(只显示这一次,首次登录时须修改)', en: '(shown only this once; to be changed at the first login)' },
  isAdded: { zh: '已新增', en: 'is added' },
  isChanged: { zh: '已更改', en: 'is changed' },
  isRemoved: { zh: '已删除', en: 'is removed' },
  isUnlocked: { zh: '可再次登录', en: 'may try again' },
  nobody: { zh: '还没有人员', en: 'nobody yet' },
  mustChange: { zh: '须修改初始密码', en: 'has not chosen a password yet' },
} as const

export const language = languageOf(process.env)
export const word = (key: keyof typeof words) => words[key][language]
