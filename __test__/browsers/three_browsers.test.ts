import { html } from 'loom-live'
import { eachBrowser } from './index'
import { livePage } from './live'

eachBrowser('a click, a text and a submit reach their handlers', async (page, browser) => {
  const { url, requests } = await livePage({
    props: { count: 0, typed: '', sent: '' },
    handle: {
      more: (props) => ({ ...props, count: props.count + 1 }),
      typed: (props, { value }) => ({ ...props, typed: value ?? '' }),
      sent: (props, { form }) => ({ ...props, sent: JSON.stringify(form) }),
    },
    render: ({ count, typed, sent }) => html`
      <button @click="more">more</button><output>${count}</output>
      <form @submit="sent"><input name="q" @input="typed"><p>${typed}</p></form><pre>${sent}</pre>`,
  })
  await page.goto(url)
  await page.settled()
  await page.click('button')
  await page.shows('output', '1')
  await page.type('input', 'two words')
  await page.shows('p', 'two words')
  await page.press('Enter')
  await page.shows('pre', '{"q":"two words"}')
  expect(requests).toEqual(['GET /'])
  const agent = await page.evaluate(() => navigator.userAgent)
  expect(agent).toContain({ chromium: 'Chrome/', firefox: 'Firefox/', webkit: 'AppleWebKit/605' }[browser])
  expect((await page.screenshot()).length).toBeGreaterThan(1000)
})

eachBrowser('the seam gives what a page gives', async (page) => {
  const { url } = await livePage({ handle: {}, render: () => html`<p tabindex="0">x</p><a href="/other">y</a>` })
  await page.goto(url)
  expect(await page.evaluate(() => undefined)).toBe(undefined)
  expect(await page.evaluate((a, b) => Promise.resolve([a, { b }]), 1, 'two')).toEqual([1, { b: 'two' }])
  await expect(page.evaluate(() => (null as unknown as { x: string }).x)).rejects.toThrow()
  await page.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.localName)).toBe('p')
  await page.press('Tab')
  await page.press('Shift+Tab')
  expect(await page.evaluate(() => document.activeElement?.localName)).toBe('p')
  await page.click('a')
  await page.until(() => location.pathname === '/other')
  await page.back()
  await page.until(() => location.pathname === '/')
})
