import type { Page } from 'playwright-core'
import { expect, it, vi } from 'vitest'
import type { Size } from '../support/browser.ts'
import { deskSuite } from '../support/desk-suite.ts'
import { WAIT } from '../support/estate.ts'
import { needs } from '../support/needs.ts'

/** The pages of the desk inside FlowFuse Dashboard, in a real browser, with the real hub, flows and simulated boards underneath. */

needs('chromium', 'chromium')('the desk in FlowFuse Dashboard', () => {
  const { estate, open } = deskSuite({ flows: true })

  async function openView(name: string, view: string, size: Size = 'desk'): Promise<{ page: Page; asked: string[] }> {
    const screen = await open(name, { size })
    const asked: string[] = []
    screen.page.on('request', (request) => asked.push(request.url()))
    await screen.page.goto(`${estate.url}/dashboard/${view}`)
    await screen.page.locator(`.linli-view [data-view=${view}][data-connection=open]`).waitFor()
    return { page: screen.page, asked }
  }
  const card = (page: Page, status: string, place: string) =>
    page.locator(`.linli-view .incident[data-status="${status}"]`, { hasText: place })

  it('a press is shown, rings, and is taken there; nothing comes from outside', async () => {
    const { page, asked } = await openView('值班甲', 'alarms')
    await page.locator('.v-app-bar').click()
    estate.press('b1')
    await card(page, 'raised', '学校门口').waitFor()
    await page.locator('.linli-view [data-sound=ringing]').waitFor()
    await card(page, 'raised', '学校门口').getByRole('button', { name: '确认,我来处理' }).click()
    await card(page, 'acknowledged', '学校门口').waitFor()
    await page.locator('.linli-view [data-sound=ready]').waitFor()
    expect(asked.length).toBeGreaterThan(20)
    expect(new Set(asked.map((url) => new URL(url).origin))).toEqual(new Set([estate.url]))
    const box = await page.locator('.nrdb-ui-group').boundingBox()
    const inner = await page.locator('.linli-view .widget').boundingBox()
    expect(box?.height).toBeGreaterThan(inner?.height ?? Number.POSITIVE_INFINITY)
  })

  it('on a phone, by the menu of the Dashboard: a door is held open, and what a viewer may not is not there', async () => {
    const { page } = await openView('值班乙', 'alarms', 'phone')
    await page.locator('.v-app-bar button').first().tap()
    await page.locator('.v-navigation-drawer').getByText('门禁 Gates').tap()
    await page.locator('[data-gate=d1] [data-order=hold]').tap()
    await page.locator('dialog').getByRole('button', { name: '确定执行' }).tap()
    await page.locator('dialog [data-result=succeeded]').waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    const viewer = await openView('访客', 'gates')
    await viewer.page.locator('[data-gate=d1]').getByText('保持打开').first().waitFor()
    expect(await viewer.page.locator('[data-gate=d1] [data-order]').count()).toBe(0)
    await viewer.page.goto(`${estate.url}/dashboard/audit`)
    await viewer.page.locator('.linli-view').getByText('只有管理员能看').waitFor()
  })

  it('an alarm comes also while the flows process is down, and the Dashboard says that it is', async () => {
    const { page } = await openView('值班甲', 'alarms')
    process.kill((await estate.flowsPid()) as number, 'SIGSTOP')
    estate.press('b2')
    await card(page, 'raised', '幼儿园大厅').getByRole('button', { name: '确认,我来处理' }).click()
    await card(page, 'acknowledged', '幼儿园大厅').waitFor()
    await page.getByText('Connection Lost').waitFor()
    // The hub has replaced it.
    await vi.waitFor(async () => expect(await estate.flowsPid()).toBeTypeOf('number'), WAIT)
    await page.getByText('Connection Lost').waitFor({ state: 'detached' })
    expect(await card(page, 'acknowledged', '幼儿园大厅').count()).toBe(1)
  })
})
