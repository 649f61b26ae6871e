/** What is in an element with `data-l-ignore` names no handlers, is no component, and reaches nothing outside of it. */

import type { Page } from 'playwright-core'
import { container, Harness, plain, sendJoin, type Live } from './harness'

const harness = new Harness()

/** A component that shows this, and a button that works. */
function showing(html: string): Promise<Live> {
  return harness.live(plain(`${html}<button id="last" data-l-click="last">x</button>`))
}

/** The handlers of all events until the last button's. */
async function handlers(live: Live): Promise<unknown[]> {
  await live.page.click('#last')
  const all: unknown[] = []
  for (;;) {
    const { handler } = await live.event()
    all.push(handler)
    if (handler === 'last') return all
  }
}

/** Everything that can happen at the elements in there, whatever they are. */
function provoke(page: Page, selector: string): Promise<void> {
  return page.evaluate((where) => {
    for (const element of document.querySelectorAll<HTMLElement>(where)) {
      for (const name of ['click', 'input', 'change', 'keydown', 'keyup', 'focusin', 'focusout', 'submit']) {
        element.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }))
      }
      element.click()
    }
  }, selector)
}

const bindings = ['click', 'input', 'change', 'submit', 'keydown', 'keyup', 'focus', 'blur']
  .map((type) => `data-l-${type}="bad"`)
  .join(' ')

test.each([
  ['in it', `<div data-l-ignore><b ${bindings}>x</b></div>`],
  ['deep in it', `<div data-l-ignore><p><i><b ${bindings} data-l-stop data-l-prevent>x</b></i></p></div>`],
  ['in two of them', `<div data-l-ignore><div data-l-ignore ${bindings}><b ${bindings}>x</b></div></div>`],
  ['in one with a value', `<div data-l-ignore="yes"><b ${bindings}>x</b></div>`],
  [
    'in a component of its own',
    `<div data-l-ignore><div data-l-live="demo" data-l-token="t"><b ${bindings}>x</b></div></div>`,
  ],
])('bindings %s are none', async (_, html) => {
  const live = await showing(html)
  await provoke(live.page, '[data-l-ignore] b')
  expect(await handlers(live)).toEqual(['last'])
})

test('what is around it, and the element itself, are the component’s', async () => {
  const live = await showing(
    '<section data-l-click="outer"><div data-l-ignore data-l-click="itself"><b data-l-click="bad">x</b></div>' +
      '<div data-l-ignore><i data-l-click="bad">y</i></div></section>',
  )
  await live.page.click('b')
  await live.page.click('i')
  expect(await handlers(live)).toEqual(['itself', 'outer', 'last'])
})

test('a field in it that belongs to the form around it is sent with the form, as those of widgets are', async () => {
  const live = await showing(
    '<form id="f" data-l-submit="save"><div data-l-ignore><input name="date" form="f" value="1"><button id="go">x</button></div></form>',
  )
  await live.page.click('#go')
  expect((await live.event()).vars).toEqual({ v: 'date=1' })
})

test('fields, buttons and labels in it do not reach a form or a field outside', async () => {
  const live = await showing(
    '<form id="f" data-l-submit="save" data-l-change="changed" action="/elsewhere"><input name="a" value="1"><button id="own">x</button></form>' +
      '<input type="checkbox" id="box" data-l-click="ticked" data-l-change="ticked"><button id="b" data-l-click="pressed">x</button>' +
      '<div data-l-ignore><input type="hidden" name="admin" value="1" form="f"><input id="text" name="role" value="root" form="f">' +
      '<button id="theirs" form="f" name="do" value="delete">x</button><label id="label" for="box">x</label>' +
      '<label for="b"><i id="inner">x</i></label></div>',
  )
  const { page } = live
  await page.click('#theirs')
  await page.click('#label')
  await page.click('#inner')
  await page.locator('#text').press('Enter')
  await page.click('#own')
  expect(await live.event()).toMatchObject({ handler: 'save', vars: { v: 'a=1' } })
  expect(await handlers(live)).toEqual(['last'])
  expect(await page.isChecked('#box')).toBe(false)
  expect(page.url()).toBe(harness.server.url)
})

test('labels and forms within it work', async () => {
  const live = await showing(
    '<div data-l-ignore><label for="box">x</label><input type="checkbox" id="box"><form id="f" onsubmit="return false"></form>' +
      '<input name="a" form="f"></div>',
  )
  await live.page.click('label')
  expect(await live.page.isChecked('#box')).toBe(true)
  await live.page.fill('[name=a]', 'x')
  expect(await live.page.evaluate(() => document.querySelector<HTMLFormElement>('#f')?.elements.length)).toBe(1)
})

test('a form in it is no form of what is around', async () => {
  const live = await showing(
    '<section data-l-submit="save"><div data-l-ignore><form><input name="a" value="1"></form></div></section>',
  )
  await live.page.evaluate(() => {
    const form = document.querySelector('form') as HTMLFormElement
    form.addEventListener('submit', (event) => event.preventDefault())
    form.requestSubmit()
  })
  expect(await handlers(live)).toEqual(['last'])
})

const other = '<div data-l-live="other" data-l-token="t"><b data-l-click="bad">x</b></div>'

test('components in it are not joined: in the page, when they come later, are moved there or it becomes ignored', async () => {
  const page = await harness.open(
    container('') + `<div id="theirs" data-l-ignore>${other}</div><main>${other}</main><div id="later">${other}</div>`,
  )
  const wire = await harness.server.connection()
  const joins = [await wire.next('join'), await wire.next('join'), await wire.next('join')]
  expect(joins.map(({ module }) => module)).toEqual(['demo', 'other', 'other'])
  await page.evaluate((html) => {
    document.querySelector('#theirs')?.insertAdjacentHTML('beforeend', html)
    document.querySelector('#theirs')?.append(document.querySelector('main > div') as Element)
  }, other)
  expect(await wire.next('leave')).toMatchObject({ id: joins[1]?.id })
  await page.evaluate(() => document.querySelector('#later')?.setAttribute('data-l-ignore', ''))
  expect(await wire.next('leave')).toMatchObject({ id: joins[2]?.id })
  await page.evaluate(() => document.querySelector('#later')?.removeAttribute('data-l-ignore'))
  expect(await wire.next('join')).toMatchObject({ module: 'other' })
  await page.waitForTimeout(50)
  expect(wire.received).toHaveLength(6)
})

test('a component that is ignored itself is one', async () => {
  const page = await harness.open(container('', 'data-l-ignore'))
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  sendJoin(wire, id, plain('<b>x</b>'))
  await page.waitForSelector('b')
})
