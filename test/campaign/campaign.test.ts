import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { needsThat, programPath } from '../support/needs.ts'
import { campaign, isLong } from './campaign.ts'
import { summary } from './summary.ts'

/** The fault campaign: in its short form with every test run, as long as wanted by `npm run campaign`. */

const env = process.env
const kills = Number(env.LINLI_CAMPAIGN_KILLS ?? 4)
const seed = Number(env.LINLI_SEED ?? Math.floor(Math.random() * 2 ** 31))
const isReady = process.getuid?.() === 0 && programPath('cc') !== undefined

needsThat(
  isReady,
  'root, to mount a small disk, and cc',
  'run as root, apt-get install gcc libc6-dev',
)('campaign', () => {
  describe('of faults under load', () => {
    it(`loses nothing, invents nothing, keeps the order (LINLI_SEED=${seed})`, async () => {
      const say = (line: string) => process.stderr.write(`campaign ${line}\n`)
      const outcome = await campaign({ seed, kills, events_per_s: 250, say: isLong({ kills }) ? say : () => undefined })
      const table = summary(outcome)
      process.stdout.write(`\n${table}\n`)
      if (env.LINLI_CAMPAIGN_REPORT) writeFileSync(env.LINLI_CAMPAIGN_REPORT, `${table}\n`)

      const clean = { lost: [], phantom: [], disordered: [], changed: [] }
      expect(outcome.alarms).toMatchObject(clean)
      // A full disk refuses telemetry by design; whatever came was said, and came in order.
      expect({ ...outcome.telemetry, lost: outcome.telemetryUnexplained }).toMatchObject(clean)
      const { pressed, unseeable, arrived } = outcome.presses
      expect(arrived).toBeGreaterThanOrEqual(pressed - unseeable)
      expect(arrived).toBeLessThanOrEqual(pressed)
      expect(outcome.holes).toEqual([])
    })
  })
})
