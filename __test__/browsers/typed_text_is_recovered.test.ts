/** `data-l-recover`: after a reload in the same tab, a reconnect and a crash, fields are as the user left them. */

import { html, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { createGate } from './gate'
import { livePage, type LivePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Props {
  sent: string[]
  heard: string[]
  isOpen: boolean
  more: boolean
}

type Shown = (props: Props) => ReturnType<typeof html>

const gate = createGate()
afterEach(() => gate.open())

const moduleOf = (shown: Shown): LiveModule<Props> => ({
  props: { sent: [], heard: [], isOpen: false, more: false },
  handle: {
    async save(props, { form }) {
      await gate.passed()
      return { ...props, sent: [...props.sent, JSON.stringify(form)] }
    },
    fail: () => {
      throw new Error('no')
    },
    hear: (props, { form }) => ({ ...props, heard: [...props.heard, JSON.stringify(form)] }),
    tick: (props, { checked }) => ({ ...props, more: checked ?? false }),
    open: (props) => ({ ...props, isOpen: true }),
    shut: (props) => ({ ...props, isOpen: false }),
  },
  render: (props) => html`${shown(props)}<pre>${props.sent.join('\n')}</pre><output>${props.heard.join('\n')}</output>`,
})

async function open(page: Page, shown: Shown, options = {}): Promise<LivePage> {
  const live = await livePage(moduleOf(shown), { headers: NOT_FILLED_IN, ...options })
  await page.goto(live.url)
  await page.settled()
  return live
}

/** So that no browser fills in by itself what the test is about. */
const NOT_FILLED_IN = { 'cache-control': 'no-store' }

const kept = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    Object.entries(sessionStorage).flatMap(([key, text]) => (/^loom-live/.test(key) ? [String(text)] : [])),
  )

/** Waits until what is kept says so. A page that is loaded again has kept all. */
const keeps = (page: Page, text: string): Promise<unknown> =>
  page.until((what) => Object.values(sessionStorage).some((one) => String(one).includes(what)), text)

const keepsNothing = (page: Page): Promise<unknown> =>
  page.until(() => !Object.keys(sessionStorage).some((key) => key.startsWith('loom-live')))

const values = (page: Page): Promise<Record<string, unknown>> =>
  page.evaluate(() => {
    const fields = document.querySelectorAll<HTMLInputElement>('form [name]')
    return Object.fromEntries(
      Array.from(fields, (field) => [
        `${field.getAttribute('name') ?? ''}${field.type === 'radio' ? field.value : ''}`,
        /checkbox|radio/.test(field.type)
          ? field.checked
          : field instanceof HTMLSelectElement
            ? Array.from(field.selectedOptions, ({ value }) => value).join()
            : field.value,
      ]),
    )
  })

/** Loads the page again, and waits until its fields are filled in again. */
async function reload(page: Page, filled: Record<string, unknown>): Promise<void> {
  await page.reload()
  await page.settled()
  await page.until(
    (all) =>
      Object.entries(all).every(
        ([name, value]) => (document.querySelector<HTMLInputElement>(`[name=${name}]`)?.value as unknown) === value,
      ),
    filled,
  )
  await page.settled()
}

const ALL: Shown =
  () => html`<form id="f" @submit="save" data-l-recover><input name="text"><textarea name="area">old</textarea><input name="number" type="number" value="1">
  <input name="box" type="checkbox"><input name="on" type="checkbox" checked><input name="r" type="radio" value="1" checked><input name="r" type="radio" value="2">
  <select name="one"><option>1<option>2<option>3</select><select name="many" multiple><option>1<option>2<option selected>3</select>
  <input name="color" type="color" value="#000000"><input name="range" type="range"><input name="date" type="date"><button>Send</button></form>`

async function fillAll(page: Page): Promise<Record<string, unknown>> {
  await page.type('[name=text]', 'a "text" \\ <b>')
  await page.type('[name=area]', ' and new')
  await page.click('[name=box]')
  await page.click('[name=on]')
  await page.click('[name=r][value="2"]')
  await page.select('[name=one]', '2')
  await page.select('[name=many]', '1', '2')
  await page.evaluate(() => {
    const set = (name: string, value: string) => {
      const field = document.querySelector<HTMLInputElement>(`[name=${name}]`)
      if (field) field.value = value
      field?.dispatchEvent(new Event('input', { bubbles: true }))
    }
    set('number', '12')
    set('color', '#ff8800')
    set('range', '70')
    set('date', '2026-11-27')
  })
  return {
    text: 'a "text" \\ <b>',
    area: 'old and new',
    number: '12',
    box: true,
    on: false,
    r1: false,
    r2: true,
    one: '2',
    many: '1,2',
    color: '#ff8800',
    range: '70',
    date: '2026-11-27',
  }
}

eachBrowser('every kind of field is as the user left it when the page is loaded again', async (page) => {
  await open(page, ALL)
  const typed = await fillAll(page)
  expect(await values(page)).toEqual(typed)
  await reload(page, { text: typed['text'] })
  expect(await values(page)).toEqual(typed)
  expect(await page.evaluate(() => document.querySelector('form')?.hasAttribute('data-l-dirty'))).toBe(true)
  // Again, although nobody has typed meanwhile.
  await reload(page, { text: typed['text'] })
  expect(await values(page)).toEqual(typed)
  await page.click('button')
  await page.settled()
  await keepsNothing(page)
  await page.reload()
  await page.settled()
  expect((await values(page))['text']).toBe('')
})

eachBrowser('over a reconnect to a component that has begun anew', async (page) => {
  await open(page, ALL, { options: NOT_PARKED })
  const typed = await fillAll(page)
  await rejoin(page)
  await page.settled()
  expect(await values(page)).toEqual(typed)
})

eachBrowser('when the state is gone, fields stay and handlers hear of them again', async (page) => {
  await open(
    page,
    () => html`<form id="f" @submit="save" @input="hear" data-l-recover><input name="a"><input name="b"></form>`,
  )
  await page.type('[name=a]', 'x')
  await page.type('[name=b]', 'y')
  await page.settled()
  const before = (await page.text('output')).split('\n').length
  // As the client says it when the server's state has begun anew.
  await page.evaluate(() =>
    document.querySelector('[data-l-live]')?.dispatchEvent(new CustomEvent('loom:reset', { bubbles: true })),
  )
  await page.until((count) => document.querySelector('output')?.textContent.split('\n').length === count, before + 1)
  expect((await page.text('output')).split('\n').at(-1)).toBe('{"a":"x","b":"y"}')
  expect(await values(page)).toEqual({ a: 'x', b: 'y' })
})

eachBrowser('passwords, files, codes and cards are never kept', async (page) => {
  await open(
    page,
    () => html`<form id="f" @submit="save" data-l-recover="secrets"><input name="name"><input id="word" name="word" type="password"><input name="code" autocomplete="one-time-code">
      <input name="off" autocomplete="off"><input name="card" autocomplete="section-a cc-number"><input name="new" type="text" autocomplete="new-password"><input name="file" type="file"><input type="hidden" name="hidden" value="h"></form>`,
  )
  for (const name of ['name', 'word', 'code', 'off', 'card', 'new']) await page.type(`[name=${name}]`, `secret ${name}`)
  // The page shows the password, as many do.
  await page.evaluate(() => document.querySelector('#word')?.setAttribute('type', 'text'))
  await page.type('#word', ' and more')
  await keeps(page, 'secret name')
  await page.reload()
  await page.settled()
  await page.until(() => document.querySelector<HTMLInputElement>('[name=name]')?.value === 'secret name')
  const all = await kept(page)
  expect(all).toHaveLength(1)
  expect(all.join().match(/secret \w+/g)).toEqual(['secret name'])
})

eachBrowser('a form that failed is kept, one that was taken or reset is not', async (page) => {
  await open(
    page,
    () => html`<form id="f" @submit="fail" data-l-recover><input name="a"></form>
      <form id="g" @submit="save" data-l-recover data-l-keep><input name="b"></form>
      <form id="h" @submit="save" data-l-recover="third"><input name="c"><button type="reset">x</button></form>`,
  )
  for (const name of ['a', 'b', 'c']) {
    await page.type(`[name=${name}]`, `typed ${name}`)
    await keeps(page, `typed ${name}`)
  }
  await page.focus('[name=a]')
  await page.press('Enter')
  await page.settled()
  await page.focus('[name=b]')
  await page.press('Enter')
  await page.settled()
  await page.click('[type=reset]')
  // The field is empty before the page hears of the reset.
  await page.until(() => !JSON.stringify(sessionStorage).includes('typed c'))
  await reload(page, { a: 'typed a' })
  expect(await values(page)).toEqual({ a: 'typed a', b: '', c: '' })
  expect(await kept(page)).toHaveLength(1)
})

eachBrowser('what was typed while a submit was under way is kept when that is taken', async (page) => {
  await open(
    page,
    () => html`<form id="f" @submit="save" data-l-recover><input name="a"><input name="b"><button>x</button></form>`,
  )
  gate.close()
  await page.type('[name=a]', 'sent')
  await page.press('Enter')
  await page.type('[name=b]', 'later')
  gate.open()
  await page.settled()
  await page.until(() => document.querySelector<HTMLInputElement>('[name=a]')?.value === '')
  await reload(page, { b: 'later' })
  expect(await values(page)).toEqual({ a: '', b: 'later' })
})

eachBrowser('handlers hear of what was recovered: a field of its own, the form once', async (page) => {
  await open(
    page,
    ({ more }) => html`<form id="f" @submit="save" @input="hear" data-l-recover><input name="a"><input name="b">
      <input name="box" type="checkbox" @change="tick">${more ? html`<input name="late"><textarea name="later"></textarea>` : ''}</form>`,
  )
  await page.type('[name=a]', 'x')
  await page.type('[name=b]', 'y')
  await page.click('[name=box]')
  await page.until(() => document.querySelector('[name=late]') !== null)
  // Fields that are there only if another says so.
  await page.type('[name=late]', 'z')
  await page.type('[name=later]', 'zz')
  await page.settled()
  await reload(page, { a: 'x', b: 'y', late: 'z', later: 'zz' })
  expect(await values(page)).toEqual({ a: 'x', b: 'y', box: true, late: 'z', later: 'zz' })
  const heard = (await page.text('output')).split('\n').map((line) => JSON.parse(line) as unknown)
  expect(heard).toEqual([
    { a: 'x', b: 'y', box: 'on' },
    { a: 'x', b: 'y', box: 'on', late: 'z', later: 'zz' },
  ])
})

eachBrowser('a form that comes later has what was typed in it, unless the server had taken it away', async (page) => {
  await open(
    page,
    ({ isOpen }) => html`<button id="open" @click="open">open</button><button id="shut" @click="shut">shut</button>
      ${isOpen ? html`<form id="f" @submit="save" data-l-recover><input name="a"></form>` : ''}`,
  )
  await page.click('#open')
  await page.until(() => document.querySelector('form') !== null)
  await page.type('[name=a]', 'typed')
  // The file that keeps it comes with the form.
  await keeps(page, 'typed')
  await page.reload()
  await page.settled()
  expect(await page.evaluate(() => document.querySelectorAll('form').length)).toBe(0)
  await page.click('#open')
  await page.until(() => document.querySelector<HTMLInputElement>('[name=a]')?.value === 'typed')
  await page.click('#shut')
  await page.until(() => !document.querySelector('form'))
  await keepsNothing(page)
  await page.click('#open')
  await page.until(() => document.querySelector('form') !== null)
  await page.settled()
  expect(await page.property('[name=a]', 'value')).toBe('')
})

eachBrowser('what is kept is bounded, and what others have put there does no harm', async (page) => {
  const { url } = await open(
    page,
    () => html`<form id="f" @submit="save" data-l-recover><input name="a"><textarea name="b"></textarea></form>`,
  )
  const type = (text: string, times: number) =>
    page.evaluate(
      (what, count) => {
        const field = document.querySelector('textarea') as HTMLTextAreaElement
        field.value = what.repeat(count)
        field.dispatchEvent(new Event('input', { bubbles: true }))
      },
      text,
      times,
    )
  await type('xxxxxxxxx\n', 4_000)
  await keeps(page, 'xxx')
  const key = await page.evaluate(() => Object.keys(sessionStorage)[0] ?? '')
  await type('xxxxxxxxx\n', 11_000)
  await keepsNothing(page)
  // Others of the site: the oldest go.
  await page.evaluate(() => {
    for (let at = 0; at < 100; at++) sessionStorage.setItem(`loom-live:form:${at}`, `${Date.now() - at * 1000} []`)
    sessionStorage.setItem('theirs', 'x')
  })
  await type('y', 10)
  await keeps(page, 'yyy')
  expect(await kept(page)).toHaveLength(20)
  expect(await page.evaluate(() => sessionStorage.getItem('theirs'))).toBe('x')
  expect(
    await page.evaluate((one) => [one, 'loom-live:form:0'].map((name) => sessionStorage.getItem(name) !== null), key),
  ).toEqual([true, true])
  const fieldKey = JSON.stringify(['input', 'a', false, 0])
  const now = Date.now()
  for (const junk of [
    'junk',
    '',
    '[',
    `${now} {"a":1}`,
    `${now} [1,null,"x",[],[["a"]]]`,
    `${now} ${JSON.stringify([[fieldKey, { not: 'a text' }]])}`,
    `${now} ${JSON.stringify([[fieldKey, true]])}`,
    `${now - 13 * 3_600_000} ${JSON.stringify([[fieldKey, 'too old']])}`,
  ]) {
    // While the page goes it would write over that.
    await page.goto('about:blank')
    await page.goto(`${url}nothing`)
    await page.evaluate((where, text) => sessionStorage.setItem(where.replace('"/nothing"', '"/"'), text), key, junk)
    await page.goto(url)
    await page.settled()
    await page.type('[name=a]', 'z')
    await keeps(page, '"z"')
    expect(await values(page)).toEqual({ a: 'z', b: '' })
    await page.press('Backspace')
    await page.settled()
  }
})

eachBrowser('two forms of one name are not kept, and the console says so', async (page) => {
  const { url } = await livePage(
    moduleOf(
      () =>
        html`<form @submit="save" data-l-recover="same"><input name="a"></form><form @submit="save" data-l-recover="same"><input name="b"></form>`,
    ),
    {
      headers: NOT_FILLED_IN,
      around: (component) =>
        `<script>console.warn = (...texts) => (window.warned ??= []).push(texts[0])</script>${component}`,
    },
  )
  await page.goto(url)
  await page.settled()
  await page.until(() =>
    (window as unknown as { warned?: string[] }).warned?.some((text) => text.includes('same name')),
  )
  await page.type('[name=a]', 'x')
  await page.reload()
  await page.settled()
  expect(await kept(page)).toEqual([])
  expect(await values(page)).toEqual({ a: '', b: '' })
})

eachBrowser(
  'a page without such a form does not load the file, a storage that is closed breaks nothing',
  async (page) => {
    await open(page, () => html`<form id="f" @submit="save"><input name="a"></form>`)
    const isLoaded = () =>
      page.evaluate(
        () => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/recovery.')).length,
      )
    await page.type('[name=a]', 'x')
    expect(await isLoaded()).toBe(0)
    expect(await kept(page)).toEqual([])
    const { url } = await livePage(moduleOf(ALL), {
      around: (component) =>
        `<script>Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('closed', 'SecurityError') } })
        window.problems = []; addEventListener('error', ({ message }) => problems.push(message))</script>${component}`,
    })
    await page.goto(url)
    await page.settled()
    await page.until(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('/recovery.')))
    await page.type('[name=text]', 'x')
    await page.press('Enter')
    await page.settled()
    expect(await page.text('pre')).toContain('"text":"x"')
    expect(await page.evaluate(() => (window as unknown as { problems: string[] }).problems)).toEqual([])
  },
)
