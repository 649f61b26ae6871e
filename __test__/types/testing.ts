// Tests of an application. Compiled, never run.

import { createLoom, html } from 'loom-live'
import { openPage, type HeldUpload, type Page, type Pushed } from 'loom-live/testing'

const loom = createLoom()
const counter = loom.register('counter', {
  props: { count: 0, name: '' },
  handle: { add: (props) => ({ ...props, count: props.count + 1 }) },
  render: ({ count }) => html`${count}`,
})

export async function tests(): Promise<void> {
  const page: Page<{ count: number; name: string }> = await openPage(loom, counter, { count: 1 })
  const { count } = await page.props()
  void count.toFixed()
  // @ts-expect-error the props are those of the module
  void (await page.props()).total
  // @ts-expect-error a number
  void openPage(loom, counter, { count: '1' })
  // @ts-expect-error no option
  void openPage(loom, counter, {}, { requests: {} })
  void openPage(loom, 'counter', { anything: 1 }, { request: { user: { id: 'ada' }, url: '/' }, as: 'ul', timeout: 5 })
  const props: Record<string, unknown> = await (await openPage(loom, 'counter')).props()
  void props

  await page.click('button', { text: /add/i })
  // @ts-expect-error a text or an expression
  await page.click('button', { text: 1 })
  await page.fill('input', 7)
  await page.fill('form', { name: 'Ada', tags: ['a', 'b'], done: true })
  await page.submit()
  await page.submit('form', { name: 'Ada' })
  await page.press('Enter', 'input')
  const held: HeldUpload = await page.upload('input', { name: 'a.txt', content: 'text' }, { upTo: 0.5 })
  await held.finish()

  const text: string = page.text('output') + page.html() + page.url
  const has: boolean = page.has('output', { text })
  const pushed: readonly Pushed[] = page.pushed()
  const data: readonly unknown[] = page.pushed('said')
  void [has, pushed, data]
  const element: Element = await page.waitFor('output', { text: '1' })
  const found: number = await page.waitFor(() => 7)
  void [element, found, page.container.innerText, new page.window.Event('input')]

  await page.navigate('/list?page=2')
  await page.publish('news', { title: 'one' })
  await page.publish(loom.topic<number>('numbers'), 1)
  // @ts-expect-error the topic is one of numbers
  await page.publish(loom.topic<number>('numbers'), 'one')
  await page.advance(1_000)
  await page.disconnect()
  await page.reconnect({ process: 'new' })
  // @ts-expect-error the same or a new one
  await page.reconnect({ process: 'old' })
  await page.settled()
  await page.close()
}
