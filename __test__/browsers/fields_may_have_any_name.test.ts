/** A field hides the property of its form that has the field's name, an image and a form those of the document. */

import { each, html, raw, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Props {
  log: string[]
  tone: string
  order: string[]
  isShown: boolean
}

/** All names that the form, or the document, has properties of. */
const namesOf = (page: Page, selector: string): Promise<string[]> =>
  page.evaluate((what) => {
    const names = new Set<string>()
    let at: object | null = what ? document.createElement(what) : document
    for (; at; at = Object.getPrototypeOf(at) as object | null)
      for (const name of Object.getOwnPropertyNames(at)) names.add(name)
    return [...names]
  }, selector)

function pageOf(names: readonly string[]): LiveModule<Props> {
  const fields = raw(names.map((name) => `<input type="hidden" name="${name}" value="1">`).join(''))
  /** A handler that says how many of the fields it was given. */
  const write =
    (name: string) =>
    (props: Props, { form }: { form?: Record<string, unknown> | undefined }): Props => {
      const count = names.filter((one) => form && Object.hasOwn(form, one)).length
      return { ...props, log: [...props.log, `${name} ${form ? count : ''}`.trim()] }
    }
  return {
    props: { log: [], tone: 'a', order: ['x', 'y', 'z'], isShown: true },
    handle: {
      save: write('save'),
      edit: write('edit'),
      clear: write('clear'),
      press: write('press'),
      paint: (props) => ({ ...props, tone: `${props.tone}b` }),
      turn: (props) => ({ ...props, order: ['z', 'n', ...props.order.filter((one) => one !== 'z')] }),
      hide: (props) => ({ ...props, isShown: false }),
      show: (props) => ({ ...props, isShown: true }),
    },
    render: ({ log, tone, order, isShown }) => html`
      <form id="one" class="${tone}" ?hidden="${false}" data-l-submit="save" data-l-change="edit" data-l-reset="clear" data-l-keydown="press" tabindex="0">
        ${fields}<i>${tone}</i><input id="typed">${tone}<button id="send" l-loading-text="wait">send</button>
        <button id="reset" type="reset">reset</button><s l-loading>waiting</s>
      </form>
      <div>${each(
        order,
        (key) => key,
        (key) =>
          html`<form class="row" data-key="${key}" data-l-click="press" data-l-stop>${fields}<b>${key}</b></form>`,
      )}</div>
      <div>${isShown ? html`<form id="part" title="${tone}">${fields}<b>${tone}</b></form>` : ''}</div>
      <form l-loading="send">${fields}</form>
      <div>${raw(`<form id="raw" title="${tone}">${names.map((name) => `<input type="hidden" name="${name}">`).join('')}<b>${tone}</b></form>`)}</div>
      ${['paint', 'turn', 'hide', 'show'].map((name) => html`<button id="${name}" @click="${name}">${name}</button>`)}
      <pre>${log.join('\n')}</pre>`,
  }
}

const rows = (page: Page) =>
  page.evaluate(() => Array.from(document.querySelectorAll('.row b'), (row) => row.textContent).join(' '))

/** To submit, to change, to patch, to move, to join: all of it does what it does in other forms. */
async function tryAll(page: Page, names: readonly string[]): Promise<void> {
  const { url, log, requests } = await livePage(pageOf(names), {
    // Development would say that the handler does not get what has no name.
    options: { ...NOT_PARKED, development: false },
  })
  await page.goto(url)
  await page.evaluate(() => {
    const seen = window as unknown as { problems: string[] }
    seen.problems = []
    const problem = (event: Event) => seen.problems.push(JSON.stringify((event as CustomEvent).detail))
    for (const name of ['loom:error', 'loom:lost', 'loom:reset']) addEventListener(name, problem)
    addEventListener('error', ({ message }) => seen.problems.push(message))
    console.warn = console.error = (...texts) => seen.problems.push(texts.join(' '))
  })
  await page.settled()
  const said: string[] = []
  const says = async (...texts: string[]) => {
    said.push(...texts)
    await page.shows('pre', said.join('\n'))
    await page.settled()
    expect(await page.text('#send')).toBe('send')
  }
  const all = names.length
  await page.click('#send')
  await says(`save ${all}`)
  await page.type('#typed', 'a')
  await page.press('Tab')
  await says('press', 'press', `edit ${all}`)
  await page.click('#reset')
  await says(`edit ${all}`, `clear ${all}`)
  await page.evaluate(() => HTMLElement.prototype.focus.call(document.querySelector('#one')))
  await page.press('x')
  await says('press')
  await page.click('.row b')
  await says('press')
  // Patches, moves and what is shown by HTML.
  const shows = async (tone: string, order: string) => {
    for (const selector of ['#one i', '#part b', '#raw b']) await page.shows(selector, tone)
    const of = (selector: string, name: string) =>
      page.evaluate(
        (where, what) => Element.prototype.getAttribute.call(document.querySelector(where), what),
        selector,
        name,
      )
    expect([await of('#one', 'class'), await of('#part', 'title'), await of('#raw', 'title')]).toEqual([
      tone,
      tone,
      tone,
    ])
    expect(await rows(page)).toBe(order)
  }
  await page.click('#paint')
  await shows('ab', 'x y z')
  await page.click('#turn')
  await page.settled()
  await shows('ab', 'z n x y')
  await rejoin(page)
  await page.settled()
  await shows('ab', 'z n x y')
  await page.click('#hide')
  await page.settled()
  expect(await page.evaluate(() => document.querySelectorAll('#part').length)).toBe(0)
  await page.click('#paint')
  await page.click('#show')
  await page.settled()
  await shows('abb', 'z n x y')
  await page.click('#send')
  await says(`save ${all}`)
  expect(await page.evaluate(() => (window as unknown as { problems: string[] }).problems)).toEqual([])
  expect(requests).toEqual(['GET /'])
  expect(log.all).toBe('')
}

eachBrowser('fields may have the name of all that a form has', async (page) => {
  await page.goto('about:blank')
  await tryAll(page, await namesOf(page, 'form'))
})

for (const tag of ['img', 'form'])
  eachBrowser(`${tag} elements may have the name of all that a document has`, async (page) => {
    await page.goto('about:blank')
    const names = await namesOf(page, '')
    expect(names).toContain('addEventListener')
    const { url, log, requests } = await livePage<{ on: boolean; text: string; ids: number[] }>(
      {
        props: { on: false, text: '', ids: [1] },
        handle: {
          turn: ({ ids, ...props }) => ({ ...props, on: !props.on, ids: [...ids, ids.length + 1] }),
          type: (props, { value }) => ({ ...props, text: value ?? '' }),
        },
        render: ({ on, text, ids }) => html`<button @click="turn" l-loading-text="wait">${on ? 'on' : 'off'}</button>
          <input @input="type" value="${text}"><input type="radio" name="r" @change="turn"><output>${text}</output>
          <table>${each(
            ids,
            (id) => id,
            (id) => html`<tr><td>${id}</td></tr>`,
          )}</table>${on && html`<b>${text}</b>`}`,
      },
      {
        options: NOT_PARKED,
        around: (component) =>
          `${names.map((name) => `<${tag} name="${name}" id="${name}" hidden></${tag}>`).join('')}${component}`,
      },
    )
    await page.goto(url)
    /** The page's own `document.querySelector` is an image. */
    const says = (selector: string, text: string) =>
      page.until(
        (where, what) => {
          const find = (which: string) =>
            Reflect.apply(Reflect.get(Document.prototype, 'querySelector'), document, [which]) as Element | null
          const isLive = find('[data-l-live]')?.getAttribute('data-l-state') === 'live'
          return isLive && find(where)?.textContent === what
        },
        selector,
        text,
      )
    const click = () =>
      page.evaluate(() =>
        (
          Reflect.apply(Reflect.get(Document.prototype, 'querySelector'), document, ['button']) as Element
        ).dispatchEvent(new Event('click', { bubbles: true })),
      )
    await says('button', 'off')
    await click()
    await says('button', 'on')
    await says('table', '12')
    await page.evaluate(() => {
      const field = Reflect.apply(Reflect.get(Document.prototype, 'querySelector'), document, [
        'input',
      ]) as HTMLInputElement
      field.focus()
    })
    await page.keys('abc')
    await says('output', 'abc')
    await says('b', 'abc')
    await rejoin(page)
    await says('b', 'abc')
    await click()
    await says('button', 'off')
    await says('table', '123')
    expect(requests.filter((one) => one !== 'GET /')).toEqual([])
    expect(log.all).toBe('')
  })
