import type { Browser, Page } from 'playwright-core'
import { openBrowser, openScreen } from '../support/browser.ts'
import { DeskEstate, SECRET } from '../support/desk-estate.ts'
import { type Bench, type Findings, inMs, pause } from './bench.ts'
import { percentile } from './statistics.ts'

/** The duty desk in Chromium: from a press on the simulated board to an alarm that is drawn and heard, and a first visit over a slow link. */

const CHROMIUM = '/usr/bin/chromium'
const PRESSES = { full: 60, quick: 10 }
const PRESS_MS = 60
/** More than a repeated press of an open incident may be told late, so that each one raises an incident of its own. */
const REST_MS = 300
const LIMIT_MS = 20_000
/** 1 Mbit/s each way, 40 ms. */
const LINK = { offline: false, latency: 40, downloadThroughput: 125_000, uploadThroughput: 125_000 }
const SEEN_AIM_MS = 1_000
const LOAD_AIM_MS = 5_000

export async function desk(bench: Bench): Promise<Findings> {
  const browser = await openBrowser(CHROMIUM)
  bench.closers.push(() => browser.close())
  const estate = await new DeskEstate({ flows: true }).start()
  bench.closers.push(() => estate.end())
  const { page } = await openScreen(browser, estate.url, { name: '值班甲', secret: SECRET })
  await page.locator('.unlock').click()
  await page.evaluate(WATCH)
  const samples: number[] = []
  const count = PRESSES[bench.quick ? 'quick' : 'full']
  for (let n = -2; n < count; n++) {
    if (n % 10 === 0) bench.say(`desk: press ${n} of ${count}`)
    const seen_ms = await pressed(page, estate)
    if (n >= 0) samples.push(seen_ms)
    await page.locator('.incident[data-status=raised] > .buttons .button.hand').click()
    await page.locator('.incident[data-status=acknowledged] > .buttons .button', { hasText: '已处理' }).click()
    await page.locator('dialog button[type=submit]').click()
    await page.locator('.incident[data-status=resolved] > .buttons .button.big').click()
    await page.locator('dialog button[type=submit]').click()
    await page.locator('.incident').waitFor({ state: 'detached' })
    await pause(REST_MS)
  }
  bench.say('desk: a first visit at 1 Mbit/s')
  const visit = await firstVisit(browser, estate.url, '/desk/')
  bench.say('desk: the same inside FlowFuse Dashboard')
  const inDashboard = await firstVisit(browser, estate.url, '/dashboard/alarms')
  return findings(samples, visit, inDashboard)
}

/** Told by the page: when the queue has drawn an alarm, and when the sound has begun. */
const WATCH = `
  globalThis.drawn = () => new Promise((done) => {
    const look = () => {
      const isSeen = document.querySelector('.incident[data-status=raised]')
      const isHeard = document.querySelector('.shell').dataset.sound === 'ringing'
      if (isSeen && isHeard) requestAnimationFrame(() => done(performance.timeOrigin + performance.now()))
      else requestAnimationFrame(look)
    }
    look()
  })`

async function pressed(page: Page, estate: DeskEstate): Promise<number> {
  const drawn = page.evaluate('globalThis.drawn()') as Promise<number>
  const from = estate.sim.lines.length
  estate.press('b1', PRESS_MS)
  const drawn_ms = await Promise.race([
    drawn,
    pause(LIMIT_MS).then(() => Promise.reject(new Error('an alarm was not drawn'))),
  ])
  const edge = estate.sim.lines
    .slice(from)
    .map((line) => JSON.parse(line) as { type: string; contact?: string; at_ms: number })
    .find(({ contact }) => contact === 'closed')
  if (!edge) throw new Error('the simulator told no edge of a press')
  return drawn_ms - edge.at_ms
}

interface Visit {
  ms: number
  bytes: number
  files: number
}

async function firstVisit(browser: Browser, url: string, path: string): Promise<Visit> {
  const { context, page } = await openScreen(browser, url, { name: '值班乙', secret: SECRET })
  const devtools = await context.newCDPSession(page)
  await devtools.send('Network.enable')
  await devtools.send('Network.clearBrowserCache')
  await devtools.send('Network.emulateNetworkConditions', LINK)
  let bytes = 0
  let files = 0
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
    files += 1
  })
  // The same address again would be a move within the page.
  await page.goto('about:blank')
  const begin_ms = performance.now()
  await page.goto(`${url}${path}`, { waitUntil: 'commit' })
  await page.locator('[data-connection=open] .duty').waitFor({ timeout: 120_000 })
  const ms = performance.now() - begin_ms
  await context.close()
  return { ms, bytes, files }
}

function findings(samples: number[], visit: Visit, inDashboard: Visit): Findings {
  const p95 = percentile(samples, 95)
  const told = ({ ms, bytes }: Visit) => `${(ms / 1000).toFixed(1)} s, ${Math.round(bytes / 1000)} kB`
  return {
    rows: [
      { what: 'press → alarm drawn and heard, p50', linli: inMs(percentile(samples, 50)), peer: '' },
      {
        what: 'press → alarm drawn and heard, p95',
        linli: inMs(p95),
        peer: '',
        aim: { text: '< 1 s', met: p95 < SEEN_AIM_MS },
      },
      {
        what: 'first visit to the duty desk at 1 Mbit/s',
        linli: told(visit),
        peer: '',
        aim: { text: '< 5 s', met: visit.ms < LOAD_AIM_MS },
      },
      { what: 'the same page inside FlowFuse Dashboard', linli: told(inDashboard), peer: '' },
    ],
    notes: [
      `Duty desk: ${samples.length} presses, first physical contact → frame in which the open page shows the alarm and its sound has begun, with flows running; two processes' clocks by performance.timeOrigin.`,
      `First visit: Chromium with an empty cache, 1 Mbit/s and 40 ms each way (DevTools), ${visit.files} files, until the queue is live; the hub had compiled its pages.`,
    ],
    data: { samples, visit, inDashboard },
  }
}
