import { readdir, readFile, readlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Door } from '../../../counter/report.ts'
import { type Finding, ok, type Patient, type Probe, wrong } from '../finding.ts'
import { reach } from '../wire.ts'

/** Whether the hub's ports answer, or will be free when it starts; and who has them otherwise. */

/** Linux tcp_states.h, as proc_net_tcp(5) prints it. */
const TCP_LISTEN = '0A'
const OPTIONS = {
  mqtt: '--mqtt-port',
  http: '--http-port',
  mqtts: '--mqtts-port',
  https: '--https-port',
} as const

export const portsOf =
  (planned: readonly Door[]): Probe =>
  async (patient, signal) => {
    const { report } = patient
    if (report === 'silent') return []
    const doors = report?.doors ?? planned
    if (report) return Promise.all(doors.map((door) => answers(door, signal)))
    return Promise.all(doors.map((door) => isFree(door, patient)))
  }

async function answers(door: Door, signal: AbortSignal): Promise<Finding> {
  const name = `${door.name} ${door.port}`
  const reason = await reach(door, signal)
  if (reason === undefined) return ok('PORT_OPEN', `${name} 可连接`, `${name} can be reached`)
  return wrong(
    'error',
    'PORT_SILENT',
    { zh: `${name} 无法连接:${reason}`, en: `${name} cannot be reached: ${reason}` },
    {
      zh: '重新启动枢纽;检查防火墙:sudo nft list ruleset',
      en: 'start the hub again; look at the firewall: sudo nft list ruleset',
    },
  )
}

async function isFree(door: Door, { root }: Patient): Promise<Finding> {
  const name = `${door.name} ${door.port}`
  const code = await tryListen(door)
  if (code === undefined) return ok('PORT_FREE', `${name} 空闲`, `${name} is free`)
  const option = OPTIONS[door.name]
  if (code !== 'EADDRINUSE')
    return wrong(
      'error',
      'PORT_FORBIDDEN',
      { zh: `${name} 不可监听(${code})`, en: `${name} cannot be listened on (${code})` },
      {
        zh: `用 ${option} 另选 1024 以上的端口,或改正监听地址`,
        en: `choose one above 1023 with ${option}, or mend the address`,
      },
    )
  const holder = await holderOf(door.port, root)
  return wrong(
    'error',
    'PORT_TAKEN',
    { zh: `${name} 被占用:${holder ?? '未知进程'}`, en: `${name} is held by ${holder ?? 'a process of another user'}` },
    { zh: `结束该程序,或用 ${option} 另选端口`, en: `end that program, or choose another port with ${option}` },
  )
}

function tryListen({ host, port }: Door): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    server.listen({ host, port }, () => server.close(() => resolve(undefined)))
  })
}

/** Name and process that listen on a port; undefined when they are not ours to see. */
export async function holderOf(port: number, root: string): Promise<string | undefined> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => text(join(root, 'proc/net', name))))
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = tables
    .flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)))
    .filter(([, local, , state]) => state === TCP_LISTEN && local?.endsWith(`:${wanted}`))
    .map((columns) => `socket:[${columns[9]}]`)
  if (inodes.length === 0) return undefined
  for (const pid of (await readdir(join(root, 'proc'))).filter((name) => /^\d+$/.test(name))) {
    const folder = join(root, 'proc', pid, 'fd')
    const links = await Promise.all(
      (await readdir(folder).catch(() => [])).map((fd) => readlink(join(folder, fd)).catch(() => '')),
    )
    if (links.some((link) => inodes.includes(link)))
      return `${(await text(join(root, 'proc', pid, 'comm'))).trim()} (${pid})`
  }
  return undefined
}

const text = (file: string) => readFile(file, 'utf8').catch(() => '')
