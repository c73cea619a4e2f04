import { expect, it } from 'vitest'
import { createMetrics, type Readings } from './metrics.ts'

const IDLE: Readings = {
  lanes: [],
  journalBytes: 4096,
  journalFault: undefined,
  journalRecoveries: 0,
  commands: { open: 0, remembered: 0 },
  auditMissed: 0,
  mqttConnections: 2,
  upstreams: [],
  left: [],
  mqttRetained: { messages: 0, bytes: 0 },
  sessions: undefined,
  devices: [],
  incidents: undefined,
  history: undefined,
  alarmWays: {},
  flows: undefined,
}

it('tells what was counted before its page was first asked for, and since', async () => {
  const metrics = createMetrics(() => IDLE)
  metrics.accepted('event')
  metrics.accepted('event')
  metrics.accepted('state')
  metrics.rejected('SCHEMA_VIOLATION')
  const { contentType, body } = await metrics.render()
  expect(contentType).toContain('text/plain')
  for (const line of [
    'linli_messages_accepted_total{kind="event"} 2',
    'linli_messages_accepted_total{kind="state"} 1',
    'linli_messages_rejected_total{code="SCHEMA_VIOLATION"} 1',
    'linli_messages_duplicate_total 0',
    'linli_mqtt_connections 2',
    '# TYPE linli_messages_accepted_total counter',
  ])
    expect(body.split('\n')).toContain(line)
  metrics.accepted('event')
  metrics.duplicate()
  const later = (await metrics.render()).body.split('\n')
  expect(later).toContain('linli_messages_accepted_total{kind="event"} 3')
  expect(later).toContain('linli_messages_duplicate_total 1')
  expect(later.filter((line) => line.startsWith('process_cpu_seconds_total'))).toHaveLength(1)
})
