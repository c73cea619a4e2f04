import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'

/** `npm run campaign`: the long form of the fault campaign, with progress on stderr and its table on stdout. */

const { kills, seed, report } = new Command('campaign')
  .description(
    'Kills, cuts, stalls and fills what can be, at random times under load, and reads the ledger at the end:\n' +
      'nothing lost, nothing invented, order kept. Needs root (a small disk in memory) and cc. About 5 s for each kill.',
  )
  .option('--kills <n>', 'processes killed with -9 at least', whole, 200)
  .option('--seed <n>', 'repeats the faults of an earlier run (their moments hang on the machine too)', whole)
  .option('--report <file>', 'also write the table to this file')
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ kills: number; seed?: number; report?: string }>()

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'campaign'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    LINLI_CAMPAIGN_KILLS: String(kills),
    ...(seed === undefined ? {} : { LINLI_SEED: String(seed) }),
    ...(report === undefined ? {} : { LINLI_CAMPAIGN_REPORT: report }),
  },
})
process.exit(status ?? 1)

function whole(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('give a whole number')
  return Number(text)
}
