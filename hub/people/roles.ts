/**
 * What people may do at a hub. Each role may do what the one before it may: a test holds the table of the README to this
 * one.
 */

export const ROLES = ['viewer', 'operator', 'installer', 'admin'] as const
export type Role = (typeof ROLES)[number]

export const ROLE_MAY: Readonly<Record<Role, { zh: string; en: string }>> = {
  viewer: {
    zh: '查看历史数据、指标和运行中的流程',
    en: 'see history, metrics and the flows as they run',
  },
  operator: {
    zh: '处理报警和事件（确认、派单、关闭），操作门、道闸和公园设备，交接班',
    en: 'work incidents (acknowledge, dispatch, close), doors, barriers and park devices; hand over a shift',
  },
  installer: {
    zh: '修改流程、设备和小区配置，登记网关',
    en: 'change flows, devices and the configuration of the site; enrol gateways',
  },
  admin: { zh: '管理人员与权限', en: 'add and remove people and change what they may do' },
}

export function isRole(value: unknown): value is Role {
  return (ROLES as readonly unknown[]).includes(value)
}

export function mayAs(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}
