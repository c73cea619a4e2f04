import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { expect, it, vi } from 'vitest'
import { goTo } from '../support/desk-judge.ts'
import { deskSuite } from '../support/desk-suite.ts'
import { WAIT } from '../support/estate.ts'
import { needs } from '../support/needs.ts'

/** What staff do on each page beside the queue of alarms, in a real browser on the whole stack. */

const PLAN = readFileSync(new URL('../../flows/pages/pictures/map.webp', import.meta.url))
const HOUR_MS = 3_600_000
/** Browsers show notices beside the page, where no test can look: what it was given is kept. */
const NOTICES = `
  globalThis.notices = []
  const Real = Notification
  globalThis.Notification = class extends Real {
    constructor(title, options) { super(title, options); globalThis.notices.push({ title, body: options.body, notice: this }) }
  }
`

needs('chromium', 'chromium')('the rooms of the duty desk', () => {
  const { estate, open } = deskSuite({ flows: false, isWhole: true })
  const pageOf = async (name: string) => (await open(name)).page
  /** Taken and closed, so that the next test begins with a quiet desk. */
  async function close(page: Page, place: string): Promise<void> {
    await goTo(page, 'alarms')
    const card = page.locator('.incident', { hasText: place })
    if (await card.locator('.button.hand').isVisible()) await card.locator('.button.hand').click()
    await card.getByRole('button', { name: '误报' }).click()
    await page.locator('dialog textarea').fill('演练')
    await page.locator('dialog').getByRole('button', { name: '确定' }).click()
    await card.waitFor({ state: 'detached' })
  }

  it('pictures of the camera are shown to who works on the alarm, to nobody else, and each look is written down', async () => {
    const page = await pageOf('值班甲')
    estate.press('b1')
    const card = page.locator('.incident', { hasText: '学校门口' })
    await card.getByRole('button', { name: '经过与图片' }).click()
    const picture = card.locator('.story img').first()
    await picture.waitFor()
    await picture.scrollIntoViewIfNeeded()
    await vi.waitFor(
      async () =>
        expect(await picture.evaluate((one) => (one as { naturalWidth?: number }).naturalWidth)).toBeGreaterThan(100),
      WAIT,
    )
    const address = await picture.getAttribute('src')
    const viewer = await pageOf('访客')
    const seen = viewer.locator('.incident', { hasText: '学校门口' })
    await seen.getByRole('button', { name: '经过与图片' }).click()
    await seen.locator('.story').getByText('hall 的图片').first().waitFor()
    expect(await seen.locator('img').count()).toBe(0)
    const asked = (path: string) => fetch(path).then(({ status }) => status)
    expect(await viewer.evaluate(asked, address ?? '')).toBe(403)
    expect(await asked(estate.url + address)).toBe(401)
    const admin = await pageOf('站长')
    await goTo(admin, 'audit')
    await admin.getByRole('button', { name: '图片' }).click()
    await admin.locator('tr', { hasText: '查看图片' }).filter({ hasText: '值班甲' }).first().waitFor()
    await close(page, '学校门口')
  })

  it('a plan is put up, a device placed on it, and on every open map its alarm pulses until it is taken', async () => {
    const [admin, page] = [await pageOf('站长'), await pageOf('值班甲')]
    await goTo(page, 'map')
    await page.getByText('还没有平面图').waitFor()
    await goTo(admin, 'map')
    await admin.getByRole('button', { name: '摆放设备' }).click()
    await admin.locator('input[type=file]').setInputFiles({ name: 'plan.webp', mimeType: 'image/webp', buffer: PLAN })
    await admin.locator('.plan img').waitFor()
    await admin.getByRole('button', { name: '学校门口' }).click()
    await admin.locator('.plan').click({ position: { x: 200, y: 120 } })
    const pin = page.locator('.pin[data-pin=b1]')
    await pin.waitFor()
    estate.press('b1')
    await page.locator('.pin[data-pin=b1][data-look=alarm]').waitFor()
    const pulse = () =>
      page.evaluate(`getComputedStyle(document.querySelector('.pin[data-pin=b1]'), '::after').animationName`)
    await vi.waitFor(async () => expect(await pulse()).toBe('pulse'), WAIT)
    await page.locator('.calling').click()
    await page.locator('.incident', { hasText: '学校门口' }).locator('.button.hand').click()
    await page.locator('.incident[data-status=acknowledged]', { hasText: '学校门口' }).waitFor()
    await goTo(page, 'map')
    await vi.waitFor(async () => expect(await pulse()).toBe('none'), WAIT)
    await pin.click()
    await page.locator('.chosen-card [data-order=reset]').click()
    await page.locator('dialog').getByRole('button', { name: '确定执行' }).click()
    await page.locator('dialog [data-result=succeeded]').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.pin[data-pin=b1][data-look=fine]').waitFor()
    await close(page, '学校门口')
  })

  it('what a park measures comes with its quality, a lamp is switched after a question, and charts leave gaps open', async () => {
    const now_ms = Date.now()
    const all = Array.from({ length: 270 }, (_, n) => now_ms - (270 - n) * (HOUR_MS / 12))
    // Nothing for six hours.
    const kept = all.filter((at_ms) => now_ms - at_ms < 8 * HOUR_MS || now_ms - at_ms > 14 * HOUR_MS)
    await estate.tellReadings(kept.map((at_ms, n) => [at_ms, 2 + Math.sin(n / 20)] as const))
    const page = await pageOf('值班甲')
    await goTo(page, 'parks')
    await page.locator('[data-park=air-1] .value', { hasText: '30.5' }).waitFor()
    estate.sim.send({ do: 'disconnect', slave: 's1' })
    await page.locator('[data-park=air-1]', { hasText: '总线无应答' }).getByText('无读数').first().waitFor()
    estate.sim.send({ do: 'reconnect', slave: 's1' })
    await page.locator('[data-park=air-1] .value', { hasText: '30.5' }).waitFor()

    await page.locator('[data-park=relay-1]').getByRole('button', { name: '打开' }).click()
    await page.locator('dialog').getByRole('button', { name: '确定执行' }).click()
    await page.locator('dialog [data-result=succeeded]').waitFor()
    await page.keyboard.press('Escape')
    await page
      .locator('[data-park=relay-1] .outputs', { hasText: '开' })
      .getByRole('button', { name: '关闭' })
      .waitFor()

    await page.locator('[data-park=pond-1]').getByRole('button', { name: /曲线/ }).click()
    await page.locator('[data-park=pond-1] canvas').waitFor()
    const hole = await vi.waitFor(async () => {
      const found = (await page.evaluate(HOLE)) as { share: number; drawn: number }
      expect(found.drawn).toBeGreaterThan(100)
      return found
    }, WAIT)
    // Six of 24 hours, of the width of the plot.
    expect(hole.share).toBeGreaterThan(0.2)
    expect(hole.share).toBeLessThan(0.3)
    await page.getByText('断开处没有数据').waitFor()
  })

  it('a shift is handed over on a sheet that both sign, and that prints without the rest of the page', async () => {
    const [leaving, taking] = [await pageOf('值班甲'), await pageOf('值班乙')]
    for (const page of [leaving, taking]) await goTo(page, 'handover')
    await leaving.locator('textarea').fill('地下车库钥匙在值班室')
    await leaving.getByRole('button', { name: '写交接单并签名交班' }).click()
    await taking.locator('[data-sheet="1"]').getByText('地下车库钥匙在值班室').waitFor()
    expect(await leaving.getByRole('button', { name: '签名接班' }).count()).toBe(0)
    await taking.locator('[data-sheet="1"] textarea').fill('已收到')
    await taking.getByRole('button', { name: '签名接班' }).click()
    for (const page of [leaving, taking]) {
      const signatures = page.locator('[data-sheet="1"] .signatures')
      await signatures.getByText('值班甲').waitFor()
      await signatures.getByText('值班乙').waitFor()
    }
    await leaving.emulateMedia({ media: 'print' })
    expect(await leaving.locator('[data-sheet="1"]').isVisible()).toBe(true)
    for (const rest of ['.top', '.side', 'form', '.sheet button'])
      expect(await leaving.locator(rest).first().isVisible(), rest).toBe(false)
    expect((await leaving.pdf()).subarray(0, 5).toString()).toBe('%PDF-')
  })

  it('an alarm calls also from behind other windows: a notice of the browser that leads to the queue', async () => {
    const { context, page } = await open('值班甲')
    await context.grantPermissions(['notifications'], { origin: estate.url })
    await page.addInitScript(NOTICES)
    await page.reload()
    await page.locator('[data-connection=open]').waitFor()
    await goTo(page, 'devices')
    estate.press('b2')
    const notices = () => page.evaluate('globalThis.notices.map(({ title, body }) => title + " / " + body)')
    await vi.waitFor(async () => expect(await notices()).toEqual(['大事 · 幼儿园大厅 / 报警按钮被按下']), WAIT)
    await page.evaluate('globalThis.notices[0].notice.onclick()')
    await page.locator('.incident[data-status=raised]', { hasText: '幼儿园大厅' }).waitFor()
    await close(page, '幼儿园大厅')
  })

  it('yardsticks count what was done, and the audit says all of it in Chinese', async () => {
    const page = await pageOf('站长')
    await goTo(page, 'yardsticks')
    const month = page.locator('tbody tr').first()
    await month.waitFor()
    const [raised, falseAlarms] = await month.locator('td').allTextContents()
    // Of the tests before: two presses of b1 and one of b2, all called false.
    expect([Number(raised), Number(falseAlarms)]).toEqual([3, 3])
    await goTo(page, 'audit')
    await page.locator('[data-action]').first().waitFor()
    const actions = await page.locator('[data-action] b').allTextContents()
    expect(actions.length).toBeGreaterThan(10)
    expect(actions.filter((one) => !/\p{Script=Han}/u.test(one))).toEqual([])
    await page.getByRole('button', { name: '登录' }).click()
    expect([...new Set(await page.locator('[data-action] b').allTextContents())]).toEqual(['登录'])
  })
})

/** The widest stretch of the plot of which no column has the colour of the line, as a share of its width. */
const HOLE = `(() => {
  const canvas = document.querySelector('[data-park=pond-1] canvas')
  const wanted = getComputedStyle(document.documentElement).getPropertyValue('--text').trim()
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(wanted.slice(at, at + 2), 16))
  const { width, height } = canvas
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
  const isDrawn = (x) => {
    for (let y = 0; y < height; y++) {
      const at = (y * width + x) * 4
      if (Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 60 && data[at + 3] > 128) return true
    }
    return false
  }
  const columns = Array.from({ length: width }, (_, x) => x).filter(isDrawn)
  const holes = columns.slice(1).map((x, at) => x - columns[at])
  const plot = document.querySelector('[data-park=pond-1] .u-over').clientWidth * devicePixelRatio
  return { drawn: columns.length, share: Math.max(0, ...holes) / plot }
})()`
