import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEMO_SITE, gatewayConfig, simulatorConfig } from '../../hub/cli/demo/estate.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { type Program, startProgram } from '../support/program.ts'
import type { Bench } from './bench.ts'
import { leanClient } from './lean-client.ts'
import { closeAtEnd, startHub, startUpstream } from './paths.ts'

/** The whole of Linli as real processes: simulated board on a pty, gateway, hub, upstream. */

export const BUTTON = 'b1'
export const BAUD = 57_600
const GATEWAY = 'gw-1'
const ONLINE_LIMIT_MS = 30_000

export interface Stack {
  upstreamPort: number
  mqttPort: number
  httpPort: number
  hub: Program
  gateway: Program
  sim: Program
  /** The simulated finger: closes the contact for so long. */
  press(for_ms: number): void
}

export interface Edge {
  device: string
  contact: 'closed' | 'open'
  /** Epoch ms with fractions: performance.timeOrigin + performance.now(). */
  at_ms: number
}

export const BUTTON_ADDRESS = { ...DEMO_SITE, gateway: GATEWAY, class: 'alarm-button', device: BUTTON } as const

export async function startStack(
  bench: Bench,
  options: { hubArgs?: string[]; onEdge?: (edge: Edge) => void } = {},
): Promise<Stack> {
  const dir = bench.folder('stack')
  mkdirSync(join(dir, 'ports'))
  const upstreamPort = await startUpstream(bench)
  const hub = await startHub(bench, upstreamPort, options.hubArgs)
  const simFile = json(dir, 'sim.json', simulatorConfig(dir, 'protocol'))
  const sim = await startProgram('hardware-sim/main.ts', ['--config', simFile], {
    onLine(line) {
      const message = JSON.parse(line) as { type: string } & Edge
      if (message.type === 'edge') options.onEdge?.(message)
    },
  })
  closeAtEnd(bench, sim)
  const gatewayFile = json(dir, 'gateway.json', gatewayConfig(dir, GATEWAY, `mqtt://127.0.0.1:${hub.mqttPort}`))
  const gateway = await startProgram('firmware/main.ts', ['--config', gatewayFile, '--log-level', 'warn'])
  closeAtEnd(bench, gateway)
  await online(upstreamPort)
  return {
    upstreamPort,
    mqttPort: hub.mqttPort,
    httpPort: hub.httpPort,
    hub: hub.program,
    gateway,
    sim,
    press: (for_ms) => sim.send({ do: 'press', device: BUTTON, for_ms }),
  }
}

/** Resolves when the upstream knows the button as online. */
async function online(upstreamPort: number): Promise<void> {
  let close: (() => void) | undefined
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${BUTTON} is not online at the upstream`)), ONLINE_LIMIT_MS)
    const message = (payload: Buffer) => {
      if (!payload.includes('"status":"online"')) return
      clearTimeout(timer)
      resolve()
    }
    leanClient(upstreamPort, 'bench-availability', { message, lost: reject })
      .then(async (client) => {
        close = () => client.close()
        await client.subscribe(formatTopic({ ...BUTTON_ADDRESS, channel: 'avail' }))
      })
      .catch(reject)
  })
  close?.()
}

function json(dir: string, name: string, value: unknown): string {
  const file = join(dir, name)
  writeFileSync(file, JSON.stringify(value))
  return file
}
