import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** Whether gateways and hub can prove who they are, today and next month. */

const DAY_MS = 24 * 3600_000
/** The hub and its gateways renew when a third of a year is left; less than this means that they do not. */
const SOON_MS = 30 * DAY_MS

export interface Pair {
  name: string
  certificate: string
  key: string
  /** PEM of who issued it. */
  issuer: string
}

export const ofHub: Probe = async ({ dataDir }) => {
  const [ca, caKey, hub, hubKey] = await Promise.all(
    ['ca.crt', 'ca.key', 'hub.crt', 'hub.key'].map((name) =>
      readFile(join(dataDir, 'authority', name), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EACCES') throw error
        return ''
      }),
    ),
  )
  if (!ca && !caKey && !hub && !hubKey)
    return [
      ok('AUTHORITY_NONE', '尚无证书(首次启动时生成)', 'there are no certificates yet: the first start makes them'),
    ]
  const mend = {
    zh: '从备份恢复 authority 目录;不要重新生成,否则所有网关都要重新登记',
    en: 'restore the folder authority from a backup; with a new authority every gateway would have to enrol again',
  }
  const again = { zh: '重新启动枢纽,它会换发证书', en: 'start the hub again: it makes a new one' }
  return [
    judge({ name: 'authority', certificate: ca ?? '', key: caKey ?? '', issuer: ca ?? '' }, Date.now(), mend),
    judge({ name: 'hub', certificate: hub ?? '', key: hubKey ?? '', issuer: ca ?? '' }, Date.now(), again),
  ]
}

export const ofGateway =
  (pair: Pair): Probe =>
  async () => [
    judge(pair, Date.now(), {
      zh: '检查时钟与到枢纽的连接(网关自动换发);否则重新登记:linli gateway claim',
      en: 'look at the clock and the way to the hub, by which it renews itself; else enrol again: linli gateway claim',
    }),
  ]

export function judge(pair: Pair, now_ms: number, advice: { zh: string; en: string }): Finding {
  const { name } = pair
  const bad = (code: string, zh: string, en: string) =>
    wrong('error', code, { zh: `${name} ${zh}`, en: `${name}: ${en}` }, advice)
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pair.certificate)
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key)))
      return bad('CERTIFICATE_KEY', '证书与私钥不匹配', 'the key does not fit the certificate')
    if (!certificate.verify(new X509Certificate(pair.issuer).publicKey))
      return bad('CERTIFICATE_ISSUER', '证书不是由本小区签发', 'the certificate is not from the authority of this site')
  } catch {
    return bad('CERTIFICATE_DAMAGED', '证书或私钥缺失或损坏', 'certificate or key is missing or damaged')
  }
  const until = certificate.validToDate
  const day = until.toISOString().slice(0, 10)
  if (certificate.validFromDate.getTime() > now_ms)
    return bad('CERTIFICATE_EARLY', '证书尚未生效(时钟?)', 'the certificate is not valid yet: is the clock right?')
  if (until.getTime() <= now_ms)
    return bad('CERTIFICATE_EXPIRED', `证书已于 ${day} 过期`, `the certificate ended on ${day}`)
  if (until.getTime() - now_ms < SOON_MS)
    return wrong(
      'warning',
      'CERTIFICATE_SOON',
      { zh: `${name} 证书将于 ${day} 到期`, en: `${name}: the certificate ends on ${day}` },
      advice,
    )
  return ok('CERTIFICATE_GOOD', `${name} 证书有效至 ${day}`, `${name}: the certificate is good until ${day}`)
}
