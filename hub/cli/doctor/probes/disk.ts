import { access, constants, readdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, ok, type Patient, type Probe, wrong } from '../finding.ts'

/** Room for what must not be lost. */

const MIB = 1024 * 1024
/** The three reserves beside a journal hold 8.5 MiB (hub/journal/README.md), and are made again only with as much to spare. */
const NEEDED_BYTES = 17 * MIB
/** The telemetry of a hub that is cut off may take 1 GB (hub/journal-lanes.ts); a gateway's spool far less. */
const WANTED_BYTES = { hub: 1_200_000_000, gateway: 200_000_000 }
const FILES_FREE_MIN = 1_000
const RESERVES = ['reserve-entries', 'reserve-first', 'reserve-tidying']

export const disk: Probe = async ({ dataDir, role }) => {
  await access(dataDir, constants.R_OK)
  const isWritable = await access(dataDir, constants.W_OK).then(
    () => true,
    () => false,
  )
  const { bavail, bsize, files, ffree } = await statfs(dataDir)
  const journal = await readdir(join(dataDir, 'journal')).catch((): string[] => [])
  const given = journal.includes('journal.db') ? RESERVES.filter((name) => !journal.includes(name)) : []
  return judge({ role, isWritable, free_bytes: bavail * bsize, filesFree: files === 0 ? undefined : ffree, given })
}

export function judge(found: {
  role: Patient['role']
  isWritable: boolean
  free_bytes: number
  /** undefined: this file system has no such bound */
  filesFree: number | undefined
  /** Reserves of the journal that were given up. */
  given: readonly string[]
}): Finding[] {
  const free = `${(found.free_bytes / 1e6).toFixed(0)} MB`
  const advice = {
    zh: '腾出空间:du -xh --max-depth=2 / | sort -h,sudo journalctl --vacuum-size=100M',
    en: 'make room: du -xh --max-depth=2 / | sort -h, sudo journalctl --vacuum-size=100M',
  }
  const findings: Finding[] = []
  if (!found.isWritable)
    findings.push(
      wrong(
        'error',
        'DISK_READ_ONLY',
        { zh: '数据目录不可写', en: 'the data folder cannot be written' },
        {
          zh: '以枢纽的用户身份运行;若是只读挂载,查看 dmesg,存储卡可能已损坏',
          en: 'run as the user of the hub; when it is mounted read-only look into dmesg: the card may be failing',
        },
      ),
    )
  if (found.free_bytes < NEEDED_BYTES)
    findings.push(
      wrong(
        'error',
        'DISK_FULL',
        { zh: `磁盘将满:剩余 ${free}`, en: `the disk is full: ${free} left, the journal's reserves need 17 MB` },
        advice,
      ),
    )
  else if (found.free_bytes < WANTED_BYTES[found.role])
    findings.push(
      wrong(
        'warning',
        'DISK_LOW',
        {
          zh: `剩余 ${free};上级长时间中断时需要 ${WANTED_BYTES[found.role] / 1e6} MB`,
          en: `${free} left; a long outage may need ${WANTED_BYTES[found.role] / 1e6} MB`,
        },
        advice,
      ),
    )
  else findings.push(ok('DISK_ROOM', `剩余 ${free}`, `${free} left`))
  if (found.filesFree !== undefined && found.filesFree < FILES_FREE_MIN)
    findings.push(
      wrong(
        'error',
        'DISK_FILES',
        { zh: `只能再建 ${found.filesFree} 个文件`, en: `room for ${found.filesFree} more files only` },
        { zh: '删除不需要的小文件:df -i', en: 'delete small files that nobody needs: df -i' },
      ),
    )
  if (found.given.length > 0)
    findings.push(
      wrong(
        'error',
        'DISK_RESERVE_GONE',
        { zh: `日志已动用预留空间:${found.given}`, en: `the journal gave up reserves: ${found.given.join(', ')}` },
        advice,
      ),
    )
  return findings
}
