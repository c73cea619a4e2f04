import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { linli } from '../support/linli.ts'
import { startProgram } from '../support/program.ts'
import { type Bench, type Findings, ratioOf } from './bench.ts'
import { closeAtEnd } from './paths.ts'

/** A sheet of devices brought to a hub that runs, as an installer does it, looked after with `linli doctor`, and labelled. */

const DEVICES = { full: 5_000, quick: 1_000 }
const GATEWAYS = 50
const IMPORT_S_MAX = 10
const DOCTOR_S_MAX = 5
const DOCTOR_TIMES = 3
const HEAD = 'gateway,kind,id,board,port,building,floor,label,contactPin'

export async function sheet(bench: Bench): Promise<Findings> {
  const count = bench.quick ? DEVICES.quick : DEVICES.full
  const data = bench.folder('hub')
  await linli('init', ['--data', data, '--site', 's/c/e', '--yes'])
  const hub = await startProgram('hub/main.ts', [
    ...['--dev', '--no-flows', '--data', data, '--log-level', 'warn', '--mqtt-port', '0', '--http-port', '0'],
  ])
  closeAtEnd(bench, hub)
  const file = join(bench.folder('sheet'), 'devices.csv')
  const bring = async (ids: string[], pin: number) => {
    const rows = ids.map(
      (id, at) => `gw-${at % GATEWAYS},alarm-button,${id},board-x,/dev/ttyUSB0,${at % 20},3,大堂,${pin}`,
    )
    writeFileSync(file, [HEAD, ...rows].join('\n'))
    const from = performance.now()
    await linli('import', [file, '--data', data, '--apply', '--json'])
    return performance.now() - from
  }
  bench.say('sheet: one device')
  await bring(['first'], 2)
  const one_ms = await bring(['first'], 3)
  bench.say(`sheet: ${count} devices`)
  const watched = watch(`http://127.0.0.1:${hub.ready.httpPort}/healthz`)
  const ids = Array.from({ length: count }, (_, n) => `n${n}`)
  const many_ms = await bring(ids, 2)
  const health_ms_max = await watched()
  bench.say('sheet: doctor, labels')
  const doctor_ms = Math.max(...(await timesOf(DOCTOR_TIMES, () => linli('doctor', ['--data', data, '--json']))))
  const help_ms = Math.max(...(await timesOf(DOCTOR_TIMES, () => linli('doctor', ['--help']))))
  const labels = join(bench.folder('labels'), 'labels.pdf')
  const [label_ms = 0] = await timesOf(1, () => linli('label', ['--data', data, '--out', labels]))
  const many = count.toLocaleString('en')
  const aim = { text: `under ${IMPORT_S_MAX} s`, met: many_ms < IMPORT_S_MAX * 1000 }
  return {
    rows: [
      {
        what: `linli import of ${many} devices; beside it, of one`,
        linli: `${(many_ms / 1000).toFixed(2)} s`,
        peer: `${(one_ms / 1000).toFixed(2)} s`,
        ratio: ratioOf(many_ms, one_ms),
        aim,
      },
      {
        what: `linli doctor of that hub, longest of ${DOCTOR_TIMES}; beside it, its --help`,
        linli: `${(doctor_ms / 1000).toFixed(2)} s`,
        peer: `${(help_ms / 1000).toFixed(2)} s`,
        ratio: ratioOf(doctor_ms, help_ms),
        aim: { text: `under ${DOCTOR_S_MAX} s`, met: doctor_ms < DOCTOR_S_MAX * 1000 },
      },
      { what: `linli label of all of them, PDF`, linli: `${(label_ms / 1000).toFixed(1)} s`, peer: '' },
      { what: 'longest answer of the hub while it imports', linli: `${health_ms_max.toFixed(0)} ms`, peer: '' },
    ],
    notes: [
      'Import: the command from its start to its end, CSV, the hub running; the peer is the same command with one row.',
    ],
    data: { count, one_ms, many_ms, health_ms_max, doctor_ms, help_ms, label_ms },
  }
}

async function timesOf(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = []
  for (let n = 0; n < times; n++) {
    const from = performance.now()
    await work()
    all.push(performance.now() - from)
  }
  return all
}

/** Asks one time after the other, until told to end; the longest answer in ms. */
function watch(url: string): () => Promise<number> {
  let isOver = false
  let longest_ms = 0
  const watching = (async () => {
    while (!isOver) {
      const from = performance.now()
      await (await fetch(url)).text()
      longest_ms = Math.max(longest_ms, performance.now() - from)
    }
  })()
  return async () => {
    isOver = true
    await watching
    return longest_ms
  }
}
