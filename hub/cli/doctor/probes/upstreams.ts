import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf } from '../../../contract/errors.ts'
import { folderAt } from '../../../journal/folder.ts'
import { UPSTREAMS_FILE } from '../../../site/moved-upstreams.ts'
import { readSite } from '../../../site/site-file.ts'
import { readUpstreams } from '../../../upstream/settings.ts'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** Whether what happens here gets to the platforms above. */

export const upstreams: Probe = async ({ report, dataDir }) => {
  if (report !== undefined && report !== 'silent') return judge(report.details.upstreams)
  // A mistake in it is the site's to tell.
  const site = await readSite(folderAt(dataDir)).catch(() => undefined)
  const listed = site?.config.upstreams
  if (listed) return [configured(listed.length)]
  const file = join(dataDir, UPSTREAMS_FILE)
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (!exists) return []
  try {
    const { length } = readUpstreams(file)
    return [configured(length)]
  } catch (error) {
    const reason = reasonOf(error)
    const says = { zh: `上级平台配置有误:${reason}`, en: `the platforms cannot be read: ${reason}` }
    return [
      wrong('error', 'UPSTREAMS_INVALID', says, {
        zh: `改正 ${file}`,
        en: `mend ${file}; the hub does not start with it`,
      }),
    ]
  }
}

function configured(count: number): Finding {
  return ok('UPSTREAMS_READ', `已配置 ${count} 个上级平台`, `${count} platforms are configured`)
}

interface Told {
  name?: unknown
  connected?: unknown
  reason?: unknown
}

/** @param told the upstreams of `/healthz` */
export function judge(told: unknown): Finding[] {
  const list = Array.isArray(told) ? (told as Told[]) : []
  if (list.length === 0) return [ok('UPSTREAM_NONE', '未配置上级平台', 'no platform is configured')]
  return list.map(({ name, connected, reason }) => {
    const who = String(name)
    if (connected === true) return ok('UPSTREAM_CONNECTED', `${who} 已连接`, `${who} is connected`)
    const why = typeof reason === 'string' ? reason : '–'
    return wrong(
      'error',
      'UPSTREAM_AWAY',
      { zh: `${who} 未连接:${why}`, en: `${who} is not connected: ${why}` },
      {
        zh: '检查网线、地址与账号;消息在本机保存,恢复后自动补发。详情:linli upstream --help',
        en: 'look at the cable, the address and the account; what happens is kept and sent later. More: linli upstream --help',
      },
    )
  })
}
