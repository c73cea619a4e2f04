import { existsSync } from 'node:fs'
import { Command } from 'commander'
import pino from 'pino'
import { giveBackProcessAtRest } from './at-rest/at-rest.ts'
import { FLAPPING } from './availability/machine.ts'
import { languageText } from './cli/hub-text.ts'
import { type HubOptions, hubConfig, LOG_LEVELS } from './config.ts'
import { LinliError } from './contract/errors.ts'
import { DAY_MS, RETENTION } from './history/types.ts'
import { openFolder } from './journal/folder.ts'
import { TEST_S } from './lifeline/lifeline.ts'
import { runHub } from './run.ts'
import { withSite } from './site/options.ts'
import { readSite } from './site/site-file.ts'

/** `linli hub`: one hub as a process. Exit codes: 0 ended as asked, 1 failed while running, 2 told wrongly. */

const text = languageText
const program = new Command('linli hub')
  .description(text('about'))
  .option('--data <dir>', text('data'), './linli-data')
  .option('--site <street/community/estate>', text('site'), 'demo-street/demo-community/demo-estate')
  .option('--name <name>', text('name'), 'hub-1')
  .option('--host <address>', text('host'))
  .option('--mqtts-port <n>', text('mqttsPort'), '8883')
  .option('--https-port <n>', text('httpsPort'), '8443')
  .option('--mqtt-port <n>', text('mqttPort'))
  .option('--http-port <n>', text('httpPort'), '8080')
  .option('--upstream <url>', text('upstream'))
  .option('--upstreams <file>', text('upstreams'))
  .option('--no-flows', text('noFlows'))
  .option('--history-raw-days <n>', text('historyRawDays'), String(RETENTION.raw_ms / DAY_MS))
  .option('--history-minute-days <n>', text('historyMinuteDays'), String(RETENTION.minute_ms / DAY_MS))
  .option('--flap-changes <n>', text('flapChanges'), String(FLAPPING.changes))
  .option('--home-assistant', text('homeAssistant'))
  .option('--home-assistant-may-open', text('homeAssistantMayOpen'))
  .option('--language <zh|en>', text('language'), 'zh')
  .option('--dev', text('dev'))
  .option('--watchdog <device>', text('watchdog'))
  .option('--self-test <seconds>', text('selfTest'), TEST_S)
  .option('--log-level <level>', `${text('logLevel')} (${LOG_LEVELS.join(', ')})`, 'info')
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  const config = hubConfig(await optionsOfSite(program.opts()))
  await giveBackProcessAtRest()
  await runHub(
    config,
    pino({ level: config.logLevel, base: { hub: config.name } }, pino.destination({ dest: 2, sync: true })),
  )
} catch (error) {
  process.stderr.write(
    `linli hub: ${error instanceof LinliError ? error.message : String((error as Error).stack ?? error)}\n`,
  )
  process.exit(error instanceof LinliError && error.kind !== 'bug' ? 2 : 1)
}

/** With `site.json` in the data folder; what it is read for is taken over by the hub itself, once it has the folder. */
async function optionsOfSite(options: HubOptions): Promise<HubOptions> {
  if (!existsSync(options.data)) return options
  const read = await readSite(await openFolder(options.data))
  if (!read) return options
  // Of this process and of its flows; history speaks in the time of the estate.
  process.env.TZ = read.config.timeZone
  const isGiven = (option: keyof HubOptions) => program.getOptionValueSource(option) === 'cli'
  return withSite(options, isGiven, read.config)
}
