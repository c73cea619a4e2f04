import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

/** Chromium, for pages as people use them. */

export const SIZES = { desk: { width: 1366, height: 820 }, phone: { width: 390, height: 844 } } as const
export type Size = keyof typeof SIZES
export type Language = 'zh' | 'en'

/** Without a network of its own and without anything that it does by itself. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: QUIET })
}

export interface Screen {
  context: BrowserContext
  page: Page
  /** What the page itself found wrong. */
  faults: string[]
}

export async function openScreen(
  browser: Browser,
  url: string,
  who: { name: string; secret: string },
  how: { size?: Size; language?: Language; reducedMotion?: boolean } = {},
): Promise<Screen> {
  const { size = 'desk', language = 'zh' } = how
  const context = await browser.newContext({
    viewport: SIZES[size],
    hasTouch: size === 'phone',
    colorScheme: language === 'zh' ? 'dark' : 'light',
    reducedMotion: how.reducedMotion ? 'reduce' : 'no-preference',
  })
  context.setDefaultTimeout(60_000)
  const faults: string[] = []
  await context.addInitScript((chosen) => localStorage.setItem('linli-language', chosen), language)
  const page = await context.newPage()
  page.on('pageerror', (error) => faults.push(error.message))
  await page.goto(`${url}/login?next=/desk/`)
  await page.locator('#login input[name=name]').fill(who.name)
  await page.locator('#login input[name=secret]').fill(who.secret)
  await page.locator('#login button[type=submit]').click()
  await page.locator('[data-connection=open]').waitFor({ timeout: 60_000 })
  return { context, page, faults }
}
