import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest'
import { type Language, openBrowser, openScreen, type Screen, type Size } from './browser.ts'
import { DeskEstate, SECRET } from './desk-estate.ts'
import { WAIT } from './estate.ts'
import { programPath } from './needs.ts'

/** What every suite on the duty desk has: a browser, the stack underneath, and pages that end with their test and had no faults. */
export interface DeskSuite {
  readonly browser: Browser
  readonly estate: DeskEstate
  open(name: string, how?: { size?: Size; language?: Language }): Promise<Screen>
}

/** To be called in a suite, before its own hooks: it starts and ends with the suite. */
export function deskSuite(options: { flows: boolean; isWhole?: boolean }): DeskSuite {
  let browser: Browser
  const estate = new DeskEstate(options)
  const screens: Screen[] = []
  beforeAll(async () => {
    ;[browser] = await Promise.all([openBrowser(programPath('chromium') ?? ''), estate.start()])
    if (options.flows) await vi.waitFor(async () => expect(await estate.flowsPid()).toBeTypeOf('number'), WAIT)
  })
  afterAll(async () => {
    await browser?.close()
    await estate.end()
  })
  afterEach(async () => {
    for (const { context, faults } of screens.splice(0)) {
      expect(faults).toEqual([])
      await context.close()
    }
  })
  return {
    get browser() {
      return browser
    },
    estate,
    async open(name, how = {}) {
      const screen = await openScreen(browser, estate.url, { name, secret: SECRET }, how)
      screens.push(screen)
      return screen
    },
  }
}
