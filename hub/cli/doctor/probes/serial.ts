import { access, constants, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, ok, type Patient, type Probe, wrong } from '../finding.ts'

/** Whether boards and buses are plugged in, and may be used. */

const SERIAL = /^(ttyUSB|ttyACM)\d+$/

export const serial: Probe = async (patient) => {
  const { serialPorts, root } = patient
  const dev = join(root, 'dev')
  const there = (await readdir(dev)).filter((name) => SERIAL.test(name)).map((name) => join(dev, name))
  const findings = await Promise.all([...new Set([...serialPorts, ...there])].map((port) => lookAt(port, patient)))
  return findings.length > 0 ? findings : [ok('SERIAL_NONE', '没有串口设备', 'no serial line is plugged in')]
}

async function lookAt(port: string, { serialPorts, root }: Patient): Promise<Finding> {
  const found = await stat(port).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!found)
    return wrong(
      'error',
      'SERIAL_MISSING',
      { zh: `找不到 ${port}`, en: `${port} is not there` },
      {
        zh: '检查 USB 线与供电;用 ls -l /dev/serial/by-id 查看实际名称并改正配置',
        en: 'look at its cable and power; ls -l /dev/serial/by-id shows what is there, mend the configuration',
      },
    )
  const isUsable = await access(port, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  if (isUsable) return ok('SERIAL_USABLE', `${port} 可用`, `${port} can be used`)
  const group = await groupName(found.gid, root)
  const fix = `sudo usermod -aG ${group} $USER`
  return wrong(
    serialPorts.includes(port) ? 'error' : 'warning',
    'SERIAL_FORBIDDEN',
    { zh: `没有 ${port} 的权限(组 ${group})`, en: `${port} may not be used (it is for the group ${group})` },
    { zh: `${fix},然后重新登录`, en: `${fix}, then log in again` },
  )
}

async function groupName(gid: number, root: string): Promise<string> {
  const groups = await readFile(join(root, 'etc/group'), 'utf8').catch(() => '')
  const line = groups.split('\n').find((one) => one.split(':')[2] === String(gid))
  return line?.split(':')[0] ?? String(gid)
}
