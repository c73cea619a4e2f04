import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openBrowser, openScreen } from '../support/browser.ts'
import { DeskEstate, SECRET } from '../support/desk-estate.ts'
import { barriers, goTo, PAGES, tabbed } from '../support/desk-judge.ts'
import { needs, programPath } from '../support/needs.ts'

/** Every page of the duty desk, at both sizes and in both languages, with something on it. */

needs('chromium', 'chromium')('every page', () => {
  let browser: Browser
  const estate = new DeskEstate({ flows: false, isWhole: true })
  beforeAll(async () => {
    ;[browser] = await Promise.all([openBrowser(programPath('chromium') ?? ''), estate.start()])
    const { page, context } = await openScreen(browser, estate.url, { name: '站长', secret: SECRET })
    await goTo(page, 'devices')
    await page.locator('[data-device=b1]', { hasText: '在线' }).waitFor()
    estate.press('b1')
    await goTo(page, 'alarms')
    await page.locator('.incident').first().waitFor()
    await context.close()
  })
  afterAll(async () => {
    await browser?.close()
    await estate.end()
  })

  it.each([
    ['desk', 'zh'],
    ['desk', 'en'],
    ['phone', 'zh'],
    ['phone', 'en'],
  ] as const)(
    'on the %s in %s: nothing that keeps people out, nothing wider than the screen',
    async (size, language) => {
      const who = { name: '站长', secret: SECRET }
      const { page, context, faults } = await openScreen(browser, estate.url, who, { size, language })
      await page.locator('.incident').first().waitFor()
      for (const one of PAGES) {
        await goTo(page, one)
        if (one === 'map') await page.locator('[data-pin]').first().click()
        if (one === 'parks') await page.locator('.park .button.plain').first().click()
        expect.soft(await barriers(page), one).toEqual([])
      }
      await goTo(page, 'alarms')
      await page.locator('.incident .buttons .button.plain').first().click()
      await page.locator('.story li').first().waitFor()
      expect.soft(await barriers(page), 'a story').toEqual([])
      await page
        .locator('.incident .buttons .button', { hasText: language === 'zh' ? '误报' : 'False alarm' })
        .first()
        .click()
      await page.locator('dialog textarea').waitFor()
      expect.soft(await barriers(page), 'a dialog').toEqual([])
      expect(faults).toEqual([])
      await context.close()
    },
  )

  it('is worked with the keyboard alone, and shows where one is', async () => {
    const { page, context } = await openScreen(browser, estate.url, { name: '站长', secret: SECRET })
    await page.locator('.incident').first().waitFor()
    for (const one of PAGES) {
      await goTo(page, one)
      expect.soft(await tabbed(page), one).toEqual({ missed: [], unseen: [] })
    }
    await context.close()
  })
})
