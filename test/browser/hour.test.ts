import type { CDPSession, Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { deskSuite } from '../support/desk-suite.ts'
import { needs } from '../support/needs.ts'

/** An hour of alarms on one page, on the page's own virtual time: its clock runs ahead, its stream is fed by the test. */

/** Instead of the stream of the hub: what `globalThis.say` is given, and the beat that the hub has. */
const FEED = `
  globalThis.sources = new Set()
  globalThis.EventSource = class extends EventTarget {
    constructor() {
      super()
      globalThis.sources.add(this)
      this.timer = setInterval(() => this.tell('beat', { now: new Date().toISOString() }), 3000)
      setTimeout(() => this.tell('picture', { id: 'run-0', now: '', devices: [], incidents: [], readings: {}, events: [] }))
    }
    tell(name, data) { this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId: 'run-0' })) }
    close() { clearInterval(this.timer); globalThis.sources.delete(this) }
  }
  globalThis.say = (name, data) => { for (const one of globalThis.sources) one.tell(name, data) }
  globalThis.told = 0
  globalThis.alarm = () => {
    const n = ++globalThis.told
    const since = new Date().toISOString()
    const incident = { number: 'x' + n, kind: 'major', source: 'event', cause: 'pressed', since, count: 1, late: false, steps: [], overdue: [], device: 'g/alarm-button/b', place: { building: 'b' + (n % 9) } }
    globalThis.say('event', { id: 'e' + n, path: 'p', gateway: 'g', class: 'alarm-button', device: 'b', type: 'pressed', time: since, severity: 'alarm', replayed: false, place: null, data: {} })
    globalThis.say('incident', { ...incident, status: 'raised' })
    setTimeout(() => globalThis.say('incident', { ...incident, status: 'acknowledged' }), 4000)
    setTimeout(() => globalThis.say('incident', { ...incident, status: 'answered' }), 9000)
    globalThis.say('readings', { p: { temperature: { value: n % 30, unit: 'Cel', quality: 'good', reason: null, at: since } } })
  }
`
const EVERY_S = 2

needs('chromium', 'chromium')('an hour of alarms', () => {
  const { open } = deskSuite({ flows: false })

  async function minutes(page: Page, count: number): Promise<void> {
    for (let at_s = 0; at_s < count * 60; at_s += EVERY_S) {
      await page.evaluate('globalThis.alarm()')
      await page.clock.runFor(EVERY_S * 1000)
    }
  }
  async function weight(devtools: CDPSession) {
    await devtools.send('HeapProfiler.collectGarbage')
    const { usedSize } = await devtools.send('Runtime.getHeapUsage')
    const { nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters')
    return { heap_bytes: usedSize, nodes, listeners: jsEventListeners }
  }

  it('leaves a page as large as a quarter of it, with nothing that grows', { timeout: 600_000 }, async () => {
    const { page, context } = await open('值班甲')
    const devtools = await context.newCDPSession(page)
    await page.addInitScript(FEED)
    await page.clock.install()
    await page.reload()
    await page.clock.runFor(1_000)
    await page.locator('[data-connection=open]').waitFor()
    await page.locator('.shell').click()
    await minutes(page, 15)
    const quarter = await weight(devtools)
    await minutes(page, 45)
    const whole = await weight(devtools)
    expect(await page.evaluate('globalThis.told')).toBe(1800)
    // Those of the last seconds stand there, the latest unanswered and ringing: the page did work all the time.
    expect(await page.locator('.incident').count()).toBeGreaterThan(2)
    expect(await page.locator('.shell').getAttribute('data-connection')).toBe('open')
    expect(whole.heap_bytes - quarter.heap_bytes, JSON.stringify([quarter, whole])).toBeLessThan(1_000_000)
    expect(whole.nodes - quarter.nodes).toBeLessThan(500)
    expect(whole.listeners - quarter.listeners).toBeLessThan(100)
  })
})
