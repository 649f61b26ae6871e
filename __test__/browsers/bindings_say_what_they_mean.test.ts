/** Bindings of all events, with keys, chords, modifiers, details and arguments. */

import { each, html, on, type LiveEvent, type LiveModule, type Tree } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  log: string[]
  rows: { id: number; name: string }[]
}

const ROWS = [
  { id: 1, name: 'a "b" & <c>' },
  { id: 2, name: 'plain' },
]

/** Each handler writes down what it is told. */
const told = (name: string) => (props: Props, event: LiveEvent) => {
  const { type, key, value, args, detail } = event
  const json = (given: unknown): string | undefined => (given === undefined ? undefined : JSON.stringify(given))
  const said: (string | undefined)[] = [name, type, key, value, json(args), json(detail)]
  return { ...props, log: [...props.log, said.filter(Boolean).join(' ')] }
}

const NAMES = [
  'send',
  'save',
  'clear',
  'plain',
  'outer',
  'first',
  'close',
  'zoom',
  'picked',
  'typed',
  'moved',
  'remove',
]

function page(body: (props: Props) => Tree): LiveModule<Props> {
  return {
    props: { log: [], rows: ROWS },
    handle: {
      ...Object.fromEntries(NAMES.map((name) => [name, told(name)])),
      drop: (props: Props, event: LiveEvent<{ id: number }>) => ({
        ...told('drop')(props, event),
        rows: props.rows.filter((row) => row.id !== event.args?.id),
      }),
    } as LiveModule<Props>['handle'],
    render: (props) => html`${body(props)}<pre>${props.log.join('\n')}</pre>`,
  }
}

async function open(on: Page, body: (props: Props) => Tree): Promise<void> {
  const { url } = await livePage(page(body))
  await on.goto(url)
  await on.settled()
  // The file for bindings has been there before the page joined: what it is told waits for it.
}

/** Waits until the last line is this one, and gives all that came. */
async function log(on: Page, last: string): Promise<string[]> {
  await on.until((what) => document.querySelector('pre')?.textContent.split('\n').at(-1) === what, last)
  await on.settled()
  return on.evaluate(() => document.querySelector('pre')?.textContent.split('\n') ?? [])
}

/** An event as a browser makes it, at the first such element. */
const dispatch = (on: Page, selector: string, type: string, init: Record<string, unknown> = {}) =>
  on.evaluate(
    (where, what, given) => {
      const Kind = /^key/.test(what) ? KeyboardEvent : /^(click|dbl|mouse)/.test(what) ? MouseEvent : CustomEvent
      const event = new Kind(what, { bubbles: true, cancelable: true, ...given })
      document.querySelector(where)?.dispatchEvent(event)
      return event.defaultPrevented
    },
    selector,
    type,
    init,
  )

eachBrowser('a key names its handler, and is that key alone', async (on) => {
  await open(
    on,
    () => html`<textarea @keydown.enter.prevent="send" @keydown.esc="clear" @keydown.ctrl.s.prevent="save"></textarea>
      <p tabindex="0" @keydown.?="plain" @keydown="outer">x</p>`,
  )
  await on.focus('textarea')
  await on.press('a')
  await on.press('Enter')
  expect(await log(on, 'send keydown Enter a')).toEqual(['send keydown Enter a'])
  expect(await on.property('textarea', 'value')).toBe('a')
  await on.press('Escape')
  await log(on, 'clear keydown Escape a')
  // Of none of these: the last one says that they have been there.
  expect(await dispatch(on, 'textarea', 'keydown', { key: 'Enter', shiftKey: true })).toBe(false)
  expect(await dispatch(on, 'textarea', 'keydown', { key: 's' })).toBe(false)
  expect(await dispatch(on, 'textarea', 'keydown', { key: 's', ctrlKey: true, altKey: true })).toBe(false)
  expect(await dispatch(on, 'textarea', 'keydown', { key: 'Enter', isComposing: true })).toBe(false)
  expect(await dispatch(on, 'textarea', 'keydown', { key: 'S', ctrlKey: true })).toBe(true)
  // A keyboard of another script.
  expect(await dispatch(on, 'textarea', 'keydown', { key: 'ы', code: 'KeyS', ctrlKey: true })).toBe(true)
  const lines = await log(on, 'save keydown ы a')
  expect(lines.slice(2)).toEqual(['save keydown S a', 'save keydown ы a'])
  // The binding that asks for most is the one that is meant.
  await dispatch(on, 'p', 'keydown', { key: '?', shiftKey: true })
  await dispatch(on, 'p', 'keydown', { key: 'x' })
  expect((await log(on, 'outer keydown x')).slice(4)).toEqual(['plain keydown ?', 'outer keydown x'])
})

eachBrowser('once, self and a held key; the nearest binding that fits', async (on) => {
  await open(
    on,
    () => html`<div id="d" @click="outer"><b id="once" @click.once="first">once</b><i id="self" @click.self="plain"><u>u</u></i>
      <s id="ctrl" @click.ctrl="save">s</s></div><form @submit.once="send"><button>x</button></form>`,
  )
  await on.click('#once')
  await on.click('#once')
  await on.click('u')
  await dispatch(on, '#self', 'click')
  await dispatch(on, '#ctrl', 'click', { ctrlKey: true })
  await on.click('#ctrl')
  expect(await log(on, 'outer click')).toEqual([
    'first click',
    'outer click',
    'outer click',
    'plain click',
    'save click',
    'outer click',
  ])
  // A form that was sent once is not sent by the browser after that.
  await on.click('form button')
  await log(on, 'send submit')
  await on.click('form button')
  await on.settled()
  expect((await on.text('pre')).split('send submit')).toHaveLength(2)
})

eachBrowser(
  'outside, window and document hear of what happens elsewhere, and not what fields hold there',
  async (on) => {
    await open(
      on,
      () => html`<input id="secret" value="hidden"><div id="menu" @click.outside="close"><b>in</b></div>
      <div hidden @click.outside="zoom">closed</div>
      <p @keydown.window.ctrl.k.prevent="picked">p</p><q @visibilitychange.document="moved">q</q><em>elsewhere</em>`,
    )
    await on.click('#menu b')
    await on.click('em')
    expect(await log(on, 'close click')).toEqual(['close click'])
    expect(await dispatch(on, '#secret', 'keydown', { key: 'k', ctrlKey: true })).toBe(true)
    await log(on, 'picked keydown k')
    await on.evaluate(() => void document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))
    expect(await log(on, 'moved visibilitychange')).toEqual([
      'close click',
      'picked keydown k',
      'moved visibilitychange',
    ])
  },
)

eachBrowser(
  'a pointer that was pressed inside is let go outside, and Enter in a form: no click outside',
  async (on) => {
    await open(
      on,
      () => html`<div id="menu" style="width: 9em" @click.outside="close"><b>in it</b><form @submit="save"><input id="field"><button>send</button></form></div>
      <em>elsewhere</em>`,
    )
    await on.drag('#menu b', 'em')
    await on.focus('#field')
    await on.press('Enter')
    await log(on, 'save submit')
    await on.click('em')
    expect(await log(on, 'close click')).toEqual(['save submit', 'close click'])
  },
)

eachBrowser('any event, with what the page names of it', async (on) => {
  await open(
    on,
    () => html`<div id="d" @dblclick="zoom" data-l-detail="clientX, target.id, target, nothing, ctrlKey"><b>b</b></div>
      <x-list @list:picked="picked" data-l-detail="detail.id,detail"></x-list>
      <i id="enter" @mouseenter="moved"><u>u</u></i>`,
  )
  await dispatch(on, '#d', 'dblclick', { clientX: 7 })
  await log(on, 'zoom dblclick {"clientX":7,"target.id":"d","ctrlKey":false}')
  await dispatch(on, 'x-list', 'list:picked', { detail: { id: 3, of: ['a'] } })
  await log(on, 'picked list:picked {"detail.id":3,"detail":{"id":3,"of":["a"]}}')
  // Too much is not sent, and the rest is.
  await dispatch(on, 'x-list', 'list:picked', { detail: { id: 3, of: 'x'.repeat(5000) } })
  await log(on, 'picked list:picked')
  // What does not bubble happens at its own element only.
  await dispatch(on, 'u', 'mouseenter', { bubbles: false })
  await dispatch(on, '#enter', 'mouseenter', { bubbles: false })
  const lines = await log(on, 'moved mouseenter')
  expect(lines.filter((line) => line.startsWith('moved'))).toEqual(['moved mouseenter'])
})

eachBrowser('arguments arrive as they were given, in keyed rows too', async (page) => {
  await open(
    page,
    ({ rows }) =>
      html`<ul>${each(
        rows,
        (row) => row.id,
        (row) => html`<li><button id="r${row.id}" @click=${on('remove', row)}>r</button
        ><button id="d${row.id}" @click.prevent=${on('drop', { id: row.id })}>x</button></li>`,
      )}</ul>`,
  )
  await page.click('#r1')
  await log(page, 'remove click {"id":1,"name":"a \\"b\\" & <c>"}')
  await page.click('#d1')
  await log(page, 'drop click {"id":1}')
  await page.until(() => document.querySelectorAll('li').length === 1)
  await page.click('#r2')
  await log(page, 'remove click {"id":2,"name":"plain"}')
})

eachBrowser('throttle sends the first at once and the last in the end, debounce the last', async (on) => {
  await open(
    on,
    () =>
      html`<p @mousemove.throttle.300="moved" data-l-detail="clientX">p</p><b @wiggle-x.debounce.50="typed" data-l-detail="detail">b</b>`,
  )
  await on.evaluate(() => {
    const p = document.querySelector('p')
    for (let x = 1; x <= 5; x++) p?.dispatchEvent(new MouseEvent('mousemove', { bubbles: true, clientX: x }))
  })
  // In one task: nothing but the first and the last may be sent.
  expect(await log(on, 'moved mousemove {"clientX":5}')).toEqual([
    'moved mousemove {"clientX":1}',
    'moved mousemove {"clientX":5}',
  ])
  await on.evaluate(() => {
    const b = document.querySelector('b')
    for (let x = 1; x <= 5; x++) b?.dispatchEvent(new CustomEvent('wiggle-x', { bubbles: true, detail: x }))
  })
  expect((await log(on, 'typed wiggle-x {"detail":5}')).length).toBe(3)
})

eachBrowser('what a patch brings is bound, and hand-written attributes say the same', async (on) => {
  await open(
    on,
    ({ log: lines }) =>
      html`<button @click="first">x</button>${
        lines.length > 0
          ? html`<textarea data-l-on-keydown.enter.prevent="send"></textarea><b data-l-on-click.once="remove([1,2])">b</b>`
          : ''
      }`,
  )
  await on.click('button')
  await log(on, 'first click')
  await on.focus('textarea')
  await on.press('Enter')
  await log(on, 'send keydown Enter')
  await on.click('b')
  await log(on, 'remove click [1,2]')
})
