import { beforeAll, expect, it } from 'vitest'
import { barriers, goTo, PAGES, tabbed } from '../support/desk-judge.ts'
import { deskSuite } from '../support/desk-suite.ts'
import { needs } from '../support/needs.ts'

/** Every page of the duty desk, at both sizes and in both languages, with something on it. */

needs('chromium', 'chromium')('every page', () => {
  const { estate, open } = deskSuite({ flows: false, isWhole: true })
  beforeAll(async () => {
    const { page } = await open('站长')
    await goTo(page, 'devices')
    await page.locator('[data-device=b1]', { hasText: '在线' }).waitFor()
    estate.press('b1')
    await goTo(page, 'alarms')
    await page.locator('.incident').first().waitFor()
  })

  it.each([
    ['desk', 'zh'],
    ['desk', 'en'],
    ['phone', 'zh'],
    ['phone', 'en'],
  ] as const)(
    'on the %s in %s: nothing that keeps people out, nothing wider than the screen',
    async (size, language) => {
      const { page } = await open('站长', { size, language })
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
    },
  )

  it('is worked with the keyboard alone, and shows where one is', async () => {
    const { page } = await open('站长')
    await page.locator('.incident').first().waitFor()
    for (const one of PAGES) {
      await goTo(page, one)
      expect.soft(await tabbed(page), one).toEqual({ missed: [], unseen: [] })
    }
  })
})
