import type { Page } from 'playwright-core'
import { expect, it, vi } from 'vitest'
import { barriers, goTo } from '../support/desk-judge.ts'
import { deskSuite } from '../support/desk-suite.ts'
import { WAIT } from '../support/estate.ts'
import { needs } from '../support/needs.ts'

/** The shortest way through the duty desk in a real browser; `npm run test:long` walks all of it. */

needs('chromium', 'chromium')('the duty desk in a browser', () => {
  const { estate, open } = deskSuite({ flows: false })
  const sound = (page: Page) => page.locator('.shell').getAttribute('data-sound')

  it.each([
    ['desk', 'zh', 'b1', '学校门口', '确认,我来处理'],
    ['phone', 'en', 'b2', 'Kindergarten hall', 'I take it'],
  ] as const)(
    'on the %s in %s: login, a press seen, heard and taken, and nothing that keeps people out',
    async (...how) => {
      const [size, language, button, place, take] = how
      const { page } = await open('值班甲', { size, language })
      await page.locator('.unlock').click()
      await vi.waitFor(async () => expect(await sound(page)).toBe('ready'), WAIT)
      estate.press(button)
      const raised = page.locator('.incident[data-status="raised"]', { hasText: place })
      await raised.waitFor()
      await vi.waitFor(async () => expect(await sound(page)).toBe('ringing'), WAIT)
      expect(await barriers(page)).toEqual([])
      await raised.getByRole('button', { name: take }).click()
      await page.locator('.incident[data-status="acknowledged"]', { hasText: place }).waitFor()
      await vi.waitFor(async () => expect(await sound(page)).toBe('ready'), WAIT)
      for (const one of ['gates', 'handover']) {
        await goTo(page, one)
        expect(await barriers(page), one).toEqual([])
      }
    },
  )
})
