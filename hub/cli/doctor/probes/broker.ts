import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Door } from '../../../counter/report.ts'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'
import { askBroker, type Peer, type Trust } from '../wire.ts'

/** Whether the broker speaks MQTT, and with the certificate that gateways trust. */

export const ownBroker: Probe = async ({ report, dataDir }, signal) => {
  if (report === undefined || report === 'silent') return []
  const doors = report.doors.filter(({ name }) => name === 'mqtt' || name === 'mqtts')
  const authority = await readFile(join(dataDir, 'authority/ca.crt'), 'utf8').catch(() => '')
  return Promise.all(
    doors.map((door: Door) => brokerAt(door, door.name === 'mqtts' ? { authority } : undefined, signal)),
  )
}

/** The hub of a gateway. */
export const hubOf =
  (peer: Peer, trust: Trust | undefined): Probe =>
  async (_patient, signal) => [await brokerAt(peer, trust, signal)]

async function brokerAt(peer: Peer, trust: Trust | undefined, signal: AbortSignal): Promise<Finding> {
  const where = `${trust ? 'mqtts' : 'mqtt'} ${peer.host}:${peer.port}`
  const reason = await askBroker(peer, trust, signal)
  if (reason === undefined) return ok('BROKER_ANSWERS', `${where} 正常应答`, `${where} answers as a broker`)
  return wrong(
    'error',
    'BROKER_AWAY',
    { zh: `${where} 没有应答:${reason}`, en: `no broker answers at ${where}: ${reason}` },
    {
      zh: '检查枢纽是否运行、网络与防火墙;若为证书问题,看 certificates 一项',
      en: 'see that the hub runs, that the network is there and no firewall between; for certificates see that probe',
    },
  )
}
