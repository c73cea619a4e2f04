import type { Page } from 'playwright-core'
import { beforeAll, expect, it, vi } from 'vitest'
import { goTo as go } from '../support/desk-judge.ts'
import { deskSuite } from '../support/desk-suite.ts'
import { WAIT } from '../support/estate.ts'
import { needs } from '../support/needs.ts'

/** The duty desk as staff use it, in a real browser, with the real hub, flows and simulated boards underneath. */

needs('chromium', 'chromium')('the duty desk', () => {
  const desk = deskSuite({ flows: true })
  const { estate, open } = desk
  beforeAll(async () => {
    const { page } = await open('站长')
    await page.locator('.feed').waitFor()
  })

  const card = (page: Page, status: string, place: string) =>
    page.locator(`.incident[data-status="${status}"]`, { hasText: place })
  const sound = (page: Page) => page.locator('.shell').getAttribute('data-sound')

  it('a press is seen and heard, taken with one key, dispatched, resolved, and answered upstream', async () => {
    const { page } = await open('值班甲')
    expect(await sound(page)).toBe('locked')
    await page.locator('.unlock').click()
    await vi.waitFor(async () => expect(await sound(page)).toBe('ready'), WAIT)
    estate.press('b1')
    await card(page, 'raised', '学校门口').waitFor()
    await vi.waitFor(async () => expect(await sound(page)).toBe('ringing'), WAIT)
    expect(await page.title()).toContain('(1)')
    await card(page, 'raised', '学校门口').getByRole('button', { name: '确认,我来处理' }).focus()
    await page.keyboard.press('Enter')
    await card(page, 'acknowledged', '学校门口').waitFor()
    await vi.waitFor(async () => expect(await sound(page)).toBe('ready'), WAIT)
    await card(page, 'acknowledged', '学校门口').getByRole('button', { name: '派人' }).click()
    await page.locator('dialog textarea').fill('去学校门口')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await card(page, 'dispatched', '学校门口').getByRole('button', { name: '已到场' }).click()
    await card(page, 'on-site', '学校门口').getByRole('button', { name: '已处理' }).click()
    await page.locator('dialog').getByRole('button', { name: '确定' }).click()
    await card(page, 'resolved', '学校门口').getByRole('button', { name: '已答复居民' }).click()
    await page.locator('dialog textarea').fill('已查看,一切正常')
    await page.locator('dialog').getByRole('button', { name: '确定' }).click()
    await page.locator('.incident', { hasText: '学校门口' }).waitFor({ state: 'detached' })
    await vi.waitFor(async () => {
      const [answered] = await estate.received('/evt/answered')
      expect(answered).toMatchObject({ data: { actor: 'person:值班甲', text: '已查看,一切正常' } })
    }, WAIT)
  })

  it('on a phone, in English: taken, and called a false alarm with the reason that it asks for', async () => {
    const { page } = await open('值班乙', { size: 'phone', language: 'en' })
    await page.locator('.unlock').tap()
    estate.press('b2')
    await card(page, 'raised', 'Kindergarten hall').getByRole('button', { name: 'I take it' }).tap()
    await card(page, 'acknowledged', 'Kindergarten hall').getByRole('button', { name: 'False alarm' }).tap()
    expect(await page.locator('dialog').getByRole('button', { name: 'Done' }).isDisabled()).toBe(true)
    await page.locator('dialog textarea').fill('a child')
    await page.locator('dialog').getByRole('button', { name: 'Done' }).tap()
    await page.locator('.incident').waitFor({ state: 'detached' })
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  })

  it('two operators hold one door open at once: both get their answer, and see what the other did', async () => {
    const both = await Promise.all([open('值班甲'), open('值班乙')])
    const pages = both.map(({ page }) => page)
    for (const page of pages) {
      await go(page, 'gates')
      await page.locator('[data-gate=d1] [data-order=hold]').click()
    }
    await Promise.all(pages.map((page) => page.locator('dialog').getByRole('button', { name: '确定执行' }).click()))
    for (const page of pages) {
      await page.locator('dialog [data-result=succeeded]').waitFor()
      await page.keyboard.press('Escape')
      const gate = page.locator('[data-gate=d1]')
      await gate.getByText('值班甲 · 保持打开').waitFor()
      await gate.getByText('值班乙 · 保持打开').waitFor()
      await gate.locator('.tag.hand', { hasText: '保持打开' }).waitFor()
    }
  })

  it('the hub is killed and comes back: unmistakable meanwhile, right again afterwards, without a reload', async () => {
    const { page } = await open('值班甲')
    await page.locator('.unlock').click()
    await page.evaluate('globalThis.isSamePage = true')
    await estate.hub.kill()
    await page.locator('.lost', { hasText: '与枢纽的连接已中断' }).waitFor()
    expect(await page.title()).toContain('连接中断')
    await vi.waitFor(async () => expect(await sound(page)).toBe('ringing'), WAIT)
    estate.press('b1')
    await estate.startHub()
    await card(page, 'raised', '学校门口').getByRole('button', { name: '确认,我来处理' }).click({ timeout: 60_000 })
    await card(page, 'acknowledged', '学校门口').waitFor()
    expect(await page.locator('.lost').count()).toBe(0)
    expect(await page.evaluate('globalThis.isSamePage')).toBe(true)
  })

  it('flows killed, then hung: alarms come to the open page, and a page can be opened', async () => {
    await vi.waitFor(async () => expect(await estate.flowsPid()).toBeTypeOf('number'), WAIT)
    const { page } = await open('值班甲')
    process.kill((await estate.flowsPid()) ?? 0, 'SIGKILL')
    estate.press('b2')
    await card(page, 'raised', '幼儿园大厅').getByRole('button', { name: '确认,我来处理' }).click()
    await card(page, 'acknowledged', '幼儿园大厅').waitFor()
    await vi.waitFor(async () => expect(await estate.flowsPid()).toBeTypeOf('number'), WAIT)
    process.kill((await estate.flowsPid()) ?? 0, 'SIGSTOP')
    estate.press('b2')
    await card(page, 'acknowledged', '幼儿园大厅').getByText('第 2 次').waitFor()
    const { page: another } = await open('值班乙')
    await card(another, 'acknowledged', '幼儿园大厅').waitFor()
  })

  it('a viewer sees everything live, has nothing to press, and is refused what they ask for all the same', async () => {
    const { page } = await open('访客', { size: 'phone' })
    estate.press('b1')
    await page.locator('.incident').first().waitFor()
    const buttons = await page.locator('.incident .button').allTextContents()
    expect([...new Set(buttons)]).toEqual(['经过与图片'])
    await go(page, 'gates')
    await page.locator('[data-gate=d1]').waitFor()
    expect(await page.locator('[data-order]').count()).toBe(0)
    await page.evaluate(`location.hash = 'audit'`)
    await page.locator('.incident').first().waitFor()
    const refused = await page.evaluate(async () => {
      const command = { device: 'gw-1/access-gate/d1', name: 'open' }
      const headers = { 'content-type': 'application/json' }
      const answers = [
        await fetch('/api/v1/commands', { method: 'POST', headers, body: JSON.stringify(command) }),
        await fetch('/api/v1/handovers', { method: 'POST', headers, body: JSON.stringify({ notes: '' }) }),
        await fetch('/api/v1/audit'),
        await fetch('/api/v1/incidents/1/acknowledge', { method: 'POST', headers, body: '{}' }),
        await fetch('/api/v1/plan/image', { method: 'DELETE' }),
        await fetch('/api/v1/plan/positions', { method: 'PUT', headers, body: '{}' }),
      ]
      return answers.map(({ status }) => status)
    })
    expect(refused).toEqual([403, 403, 403, 403, 403, 403])
  })

  it('a wrong password ten times: told at once, then a pause that the right one does not end', async () => {
    const context = await desk.browser.newContext()
    const page = await context.newPage()
    await page.goto(`${estate.url}/desk/`)
    await page.locator('#login').waitFor({ state: 'visible' })
    await page.locator('input[name=name]').first().fill('值班乙')
    const log = async (secret: string) => {
      await page.locator('#login input[name=secret]').fill(secret)
      const answer = page.waitForResponse('**/api/v1/session')
      await page.locator('#login button[type=submit]').click()
      return (await answer).status()
    }
    const answers: number[] = []
    // From an address where this person has never logged in; the tests before came from this very one.
    await page.locator('input[name=name]').first().fill('nobody-here')
    for (let n = 0; n < 10; n++) answers.push(await log(`wrong password ${n}`))
    expect(answers.slice(0, 5)).toEqual([401, 401, 401, 401, 401])
    expect(answers.at(-1)).toBe(429)
    expect(await page.locator('#login .problem').textContent()).not.toBe('')
    await context.close()
  })

  // The last one: the district does not come back.
  it('a platform that is away is said on the desk, and alarms come as before', async () => {
    const { page } = await open('值班甲')
    expect(await page.locator('[data-notice^=upstream]').count()).toBe(0)
    await estate.district.kill()
    await page.locator('[data-notice^=upstream]', { hasText: '连不上' }).waitFor()
    estate.press('b2')
    await page.locator('.incident', { hasText: '幼儿园大厅' }).first().waitFor()
  })
})
