import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'

/** What is held against every page of the duty desk. */

export const PAGES = ['alarms', 'map', 'gates', 'parks', 'devices', 'yardsticks', 'handover', 'audit'] as const

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const JUDGE = `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] }).then(({ violations }) =>
  violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' ')))`

export async function goTo(page: Page, to: string): Promise<void> {
  await page.evaluate(`location.hash = '${to}'`)
  await page.locator(`a[href="#${to}"][aria-current]`).waitFor({ state: 'attached' })
  await page.locator('main h1').waitFor()
}

/** What keeps people out (serious and critical findings of axe), and what is wider than the screen. */
export async function barriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate(`'axe' in globalThis`))) await page.evaluate(AXE)
  const found = (await page.evaluate(JUDGE)) as string[]
  const wide = (await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number
  return wide > 0 ? [...found, `${wide} px wider than the screen`] : found
}

/** What can be seen and used, and what of it the Tab key comes to; the sign of focus has to be seen. */
export async function tabbed(page: Page): Promise<{ missed: string[]; unseen: string[] }> {
  await page.evaluate(MARK)
  const unseen = new Set<string>()
  const count = (await page.evaluate('globalThis.toReach.size')) as number
  for (let n = 0; n < count + 10; n++) {
    await page.keyboard.press('Tab')
    const told = (await page.evaluate(FOCUSED)) as string | null
    if (told !== null) unseen.add(told)
  }
  const missed = (await page.evaluate('[...globalThis.toReach].map((one) => one.outerHTML.slice(0, 120))')) as string[]
  return { missed, unseen: [...unseen] }
}
const MARK = `(() => {
  const all = document.querySelectorAll('a[href], button:not(:disabled), input:not(:disabled), select, textarea, [tabindex="0"]')
  const isSeen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().width > 1
  globalThis.toReach = new Set([...all].filter(isSeen))
  document.activeElement?.blur()
  getSelection().collapse(document.body, 0)
})()`
const FOCUSED = `(() => {
  const one = document.activeElement
  if (!one || one === document.body) return null
  globalThis.toReach.delete(one)
  return getComputedStyle(one).outlineStyle === 'none' && one.id !== 'content' ? one.outerHTML.slice(0, 120) : null
})()`
