/** Scenarios that LiveView tests end to end, and no test of ours tried as such: docs/parity.md names each. */

import {
  each,
  form,
  html,
  js,
  live,
  on,
  validated,
  type FormErrors,
  type LiveModule,
  type RegisteredModule,
} from 'loom-live'
import { z } from 'zod'
import { until } from '../support/until'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

const NOT_FILLED_IN = { 'cache-control': 'no-store' }

interface Item {
  id: number
  name: string
}

const input = z.object({
  items: z.array(z.object({ name: z.string().default('') })).default([]),
  more: z.string().optional(),
})

/** A form whose rows come by a button, or by a box. */
const rowsOfFields: LiveModule<{ items: Item[]; next: number; saved: string; errors: FormErrors<typeof input> }> = {
  props: { items: [{ id: 1, name: 'first' }], next: 2, saved: '', errors: {} },
  handle: {
    add: (props) => ({ ...props, next: props.next + 1, items: [...props.items, { id: props.next, name: '' }] }),
    drop: (props, { args }) => ({
      ...props,
      items: props.items.filter(({ id }) => id !== (args as { id: number }).id),
    }),
    box: (props, { checked }) => ({
      ...props,
      next: props.next + 1,
      items: checked ? [...props.items, { id: props.next, name: '' }] : props.items.slice(0, -1),
    }),
    save: validated(input, (props, { items }) => ({ ...props, saved: items.map(({ name }) => name).join() })),
  },
  render: ({ items, saved }) => html`<form id="f" @submit="save" data-l-recover>
      ${each(
        items,
        ({ id }) => id,
        ({ id, name }) => html`<p><input name="items[${id}].name" value="${name}">
          <button type="button" class="drop" @click=${on('drop', { id })}>-</button></p>`,
      )}
      <button type="button" id="add" @click="add">+</button><input type="checkbox" id="box" @change="box">
      <button id="save">save</button></form><output>${saved}</output>`,
}

const fields = (page: Page): Promise<string[]> =>
  page.evaluate(() => Array.from(document.querySelectorAll<HTMLInputElement>('p input'), ({ value }) => value))

eachBrowser('rows of fields come and go by buttons and boxes, and are sent in their order', async (page) => {
  const { url } = await livePage(rowsOfFields)
  await page.goto(url)
  await page.settled()
  await page.type('p:nth-of-type(1) input', '!')
  await page.click('#add')
  await page.until(() => document.querySelectorAll('p').length === 2)
  await page.type('p:nth-of-type(2) input', 'second')
  await page.click('#box')
  await page.until(() => document.querySelectorAll('p').length === 3)
  await page.type('p:nth-of-type(3) input', 'third')
  await page.settled()
  expect(await fields(page)).toEqual(['first!', 'second', 'third'])
  await page.click('p:nth-of-type(2) .drop')
  await page.until(() => document.querySelectorAll('p').length === 2)
  expect(await fields(page)).toEqual(['first!', 'third'])
  await page.click('#save')
  await page.shows('output', 'first!,third')
  // A form that has been taken is as the server rendered it: the box is not ticked any more.
  await page.click('#box')
  await page.until(() => document.querySelectorAll('p').length === 3)
  await page.click('#box')
  await page.until(() => document.querySelectorAll('p').length === 2)
})

eachBrowser('no row comes twice when the page is recovered', async (page) => {
  const { url } = await livePage(rowsOfFields, { options: NOT_PARKED, headers: NOT_FILLED_IN })
  await page.goto(url)
  await page.settled()
  await page.click('#add')
  await page.until(() => document.querySelectorAll('p').length === 2)
  await page.type('p:nth-of-type(2) input', 'second')
  await page.settled()
  await rejoin(page)
  await page.settled()
  expect(await fields(page)).toEqual(['first', 'second'])
})

const recovered: LiveModule<{ heard: string[]; saved: string }> = {
  props: { heard: [], saved: '' },
  handle: {
    hear: (props, { form: sent }) => ({ ...props, heard: [...props.heard, JSON.stringify(sent)] }),
    save: (props, { form: sent }) => ({ ...props, saved: JSON.stringify(sent) }),
  },
  render: ({
    heard,
    saved,
  }) => html`<form id="f" @submit=${js.addClass('sent', '#f').call('save')} @input="hear" data-l-recover>
      <input name="a"><fieldset disabled><input name="off" value="as it was"></fieldset><button>send</button></form>
    <form id="empty" @input="hear" data-l-recover></form><output>${saved}</output><pre>${heard.join('\n')}</pre>`,
}

eachBrowser(
  'a form whose handler is a command is recovered; without what is disabled, and an empty form says nothing',
  async (page) => {
    const { url, log } = await livePage(recovered, { headers: NOT_FILLED_IN })
    await page.goto(url)
    await page.settled()
    await page.type('[name=a]', 'x')
    await page.settled()
    await page.reload()
    await page.settled()
    await page.until(() => document.querySelector<HTMLInputElement>('[name=a]')?.value === 'x')
    await page.shows('pre', '{"a":"x"}')
    await page.click('#f button')
    await page.shows('output', '{"a":"x"}')
    expect(await page.evaluate(() => document.querySelector('#f')?.className)).toBe('sent')
    expect(log.errors).toEqual([])
  },
)

const chosen = z.object({ size: z.enum(['S', 'L'], 'choose one') })

const select: LiveModule<{ errors: FormErrors<typeof chosen> }> = {
  props: { errors: {} },
  handle: { check: validated(chosen, (props) => props), save: validated(chosen, (props) => props) },
  render: ({ errors }) => {
    const f = form('save', { errors })
    const size = f.field('size')
    return html`<form id="${f.id}" @submit=${f.handler} @change="check"><select id="${size.id}" name="${size.name}"
        aria-invalid="${size.invalid}" aria-describedby="${size.describedBy}"><option value="">-</option><option>S</option><option>L</option></select>
        ${size.error}<button>save</button></form>`
  },
}

eachBrowser('a select gets and loses its error as it is changed', async (page) => {
  const { url } = await livePage(select)
  await page.goto(url)
  await page.settled()
  await page.click('button')
  await page.until(() => document.querySelector('.loom-error')?.textContent === 'choose one')
  expect(await page.evaluate(() => document.querySelector('select')?.getAttribute('aria-invalid'))).toBe('true')
  await page.select('select', 'L')
  await page.until(() => !document.querySelector('.loom-error'))
  await page.select('select', '')
  await page.until(() => document.querySelector('.loom-error') !== null)
})

interface Rows {
  rows: Item[]
}

eachBrowser('the rows of a nested component change, come and go, beside an element that is no row', async (page) => {
  const inner: LiveModule<Rows> = {
    props: { rows: [1, 2, 3].map((id) => ({ id, name: `row ${id}` })) },
    handle: {
      rename: ({ rows }) => ({ rows: rows.map((row) => ({ ...row, name: `${row.name}!` })) }),
      drop: ({ rows }) => ({ rows: rows.slice(1) }),
      reverse: ({ rows }) => ({ rows: [...rows].reverse() }),
    },
    render: ({ rows }) => html`<ul><li id="head">head</li>${each(
      rows,
      ({ id }) => id,
      ({ name }) => html`<li>${name}</li>`,
    )}<li id="foot">foot</li></ul><button id="rename" @click="rename">r</button><button id="drop" @click="drop">d</button>
      <button id="reverse" @click="reverse">v</button>`,
  }
  const modules = {} as { inner: RegisteredModule<Rows> }
  const { url, loom } = await livePage<Record<string, never>>({
    props: {},
    handle: {},
    render: () => html`<section>${live(modules.inner, {}, { key: 'one' })}</section>`,
  })
  modules.inner = loom.register('inner', inner)
  await page.goto(url)
  await page.settled()
  const shows = (text: string): Promise<unknown> =>
    page.until(
      (text) => Array.from(document.querySelectorAll('li'), ({ textContent }) => textContent).join() === text,
      text,
    )
  await page.evaluate(() => {
    Object.assign(window, { head: document.querySelector('#head'), foot: document.querySelector('#foot') })
  })
  await shows('head,row 1,row 2,row 3,foot')
  await page.click('#rename')
  await shows('head,row 1!,row 2!,row 3!,foot')
  await page.click('#drop')
  await shows('head,row 2!,row 3!,foot')
  await page.click('#reverse')
  await shows('head,row 3!,row 2!,foot')
  expect(
    await page.evaluate(() => {
      const { head, foot } = window as unknown as Record<string, Element>
      return head === document.querySelector('#head') && foot === document.querySelector('#foot')
    }),
  ).toBe(true)
})

interface Small {
  at: number
  count: number
}

eachBrowser('a hundred nested components end at once, and begin anew', async (page) => {
  const modules = {} as { small: RegisteredModule<Small> }
  const { url, loom } = await livePage<{ isOpen: boolean }>(
    {
      props: { isOpen: true },
      handle: { toggle: ({ isOpen }) => ({ isOpen: !isOpen }) },
      render: ({ isOpen }) =>
        html`<button id="toggle" @click="toggle">t</button>${
          isOpen
            ? each(
                Array.from({ length: 100 }, (_, at) => at),
                (at) => at,
                (at) => html`<p>${live(modules.small, { at }, { key: String(at) })}</p>`,
              )
            : ''
        }`,
    },
    { options: { limits: { components: 200 } } },
  )
  modules.small = loom.register<Small>('small', {
    props: { at: 0, count: 0 },
    handle: { add: (props) => ({ ...props, count: props.count + 1 }) },
    render: ({ at, count }) => html`<button class="small" @click="add">${at} ${count}</button>`,
  })
  await page.goto(url)
  await page.settled()
  await until('all to live', () => loom.stats().components === 101)
  await page.click('p:nth-of-type(7) .small')
  await page.shows('p:nth-of-type(7) .small', '6 1')
  await page.click('#toggle')
  await until('all to end', () => loom.stats().components === 1)
  await page.click('#toggle')
  await until('all to live again', () => loom.stats().components === 101)
  await page.settled()
  await page.shows('p:nth-of-type(7) .small', '6 0')
  await page.click('p:nth-of-type(100) .small')
  await page.shows('p:nth-of-type(100) .small', '99 1')
})

/** Chooses a file in the first file input, as a script of the page does. */
const choose = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const data = new DataTransfer()
    for (const name of ['a.txt', 'b.txt']) data.items.add(new File(['text'], name, { type: 'text/plain' }))
    const input = document.querySelector('input[type=file]') as HTMLInputElement
    input.files = data.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  })

const letter: LiveModule<{ heard: string; sent: string }> = {
  props: { heard: '', sent: '' },
  handle: {
    hear: (props, { form: fields }) => ({ ...props, heard: String(fields?.text) }),
    send: (props, { form: fields }, ctx) => {
      ctx.keepForm()
      return { ...props, sent: String(fields?.text) }
    },
  },
  render: ({
    heard,
    sent,
  }) => html`<form id="f" @submit="send" @input="hear"><input type="file" name="files" multiple required>
      <input name="text"><button>send</button></form><output>${sent}</output><p id="heard">${heard}</p>`,
}

eachBrowser(
  'a form with required files is sent when some are chosen; a script may choose, and then the user types',
  async (page) => {
    const { url } = await livePage(letter)
    await page.goto(url)
    await page.settled()
    // The browser keeps it: nothing is chosen.
    await page.click('button')
    await choose(page)
    await page.type('[name=text]', 'with files')
    await page.shows('#heard', 'with files')
    expect(
      await page.evaluate(() => [
        document.querySelector<HTMLInputElement>('[name=text]')?.value,
        document.querySelector<HTMLInputElement>('[type=file]')?.files?.length,
      ]),
    ).toEqual(['with files', 2])
    expect(await page.text('output')).toBe('')
    await page.click('button')
    await page.shows('output', 'with files')
  },
)

eachBrowser('what shows that an answer is awaited ends in elements, too, that patches leave alone', async (page) => {
  let answer = (): void => undefined
  const { url } = await livePage<{ count: number }>({
    props: { count: 0 },
    handle: {
      add: async ({ count }) => {
        await new Promise<void>((resolve) => (answer = resolve))
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`<output>${count}</output>
      <section data-l-permanent id="stays"><button @click="add" data-l-disable l-loading-text="waits">add</button></section>`,
  })
  await page.goto(url)
  await page.settled()
  await page.click('button')
  await page.until(() => {
    const button = document.querySelector('button')
    return button?.classList.contains('l-loading') && button.disabled && button.textContent === 'waits'
  })
  answer()
  await page.shows('output', '1')
  await page.until(() => {
    const button = document.querySelector('button')
    return !button?.classList.contains('l-loading') && !button?.disabled && button?.textContent === 'add'
  })
})

eachBrowser('an address that changes while a nested component joins is in its page', async (page) => {
  const modules = {} as { inner: RegisteredModule<{ at: string; count: number }> }
  let joins = (): void => undefined
  const asked = new Promise<void>((resolve) => (joins = resolve))
  const { url, loom } = await livePage<{ at: string; isOpen: boolean }>({
    props: { at: '', isOpen: false },
    params: (props, { searchParams }) => ({ ...props, at: searchParams.get('at') ?? '-' }),
    handle: {
      open: (props, _, ctx) => {
        ctx.patch('?at=second')
        return { ...props, isOpen: true }
      },
    },
    render: ({ at, isOpen }) => html`<output>${at}</output><button id="open" @click="open">open</button>
      <a href="?at=third" data-l-patch>third</a>${isOpen ? live(modules.inner, { at }) : ''}`,
  })
  modules.inner = loom.register<{ at: string; count: number }>('inner', {
    props: { at: '', count: 0 },
    mount: async (props) => {
      await asked
      return props
    },
    handle: { add: (props) => ({ ...props, count: props.count + 1 }) },
    render: ({ at, count }) => html`<button id="inner" @click="add">${at} ${count}</button>`,
  })
  await page.goto(url)
  await page.settled()
  await page.click('#open')
  await page.until(() => location.search === '?at=second')
  await page.click('a')
  await page.shows('output', 'third')
  joins()
  await page.shows('#inner', 'third 0')
  await page.click('#inner')
  await page.shows('#inner', 'third 1')
})
