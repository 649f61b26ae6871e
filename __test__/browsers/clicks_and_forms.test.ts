/** A page with a handler that takes its time: what a finger and a form do, as a plain page has it. */

import { html, type Handler, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  log: string[]
  error: string
}

/** Handlers that write down what they are told, once they may. */
let open: Promise<void> = Promise.resolve()

/** Until what this gives is called, no handler ends. */
function close(): () => void {
  let release = (): void => undefined
  open = new Promise((resolve) => (release = resolve))
  return release
}

const write =
  (name: string): Handler<Props> =>
  async (props, { form, value }) => {
    await open
    return { ...props, log: [...props.log, `${name} ${form ? JSON.stringify(form) : (value ?? '')}`.trim()] }
  }

function page(body: (props: Props) => ReturnType<typeof html>): LiveModule<Props> {
  return {
    props: { log: [], error: '' },
    handle: {
      add: write('add'),
      save: write('save'),
      edit: write('edit'),
      clear: write('clear'),
      fail: () => {
        throw new Error('no')
      },
      refuse: (props, _, ctx) => {
        ctx.keepForm()
        return { ...props, error: 'The name is taken.' }
      },
    },
    render: (props) => html`${body(props)}<pre>${props.log.join('\n')}</pre><p>${props.error}</p>`,
  }
}

const log = async (on: Page): Promise<string[]> => {
  await on.settled()
  return (await on.text('pre')).split('\n').filter(Boolean)
}

async function times(count: number, work: () => Promise<void>): Promise<void> {
  for (let time = 0; time < count; time++) await work()
}

eachBrowser('fast clicks all count', async (on) => {
  const { url } = await livePage(page(() => html`<button @click="add">add</button>`))
  await on.goto(url)
  await on.settled()
  const release = close()
  await times(5, () => on.click('button'))
  release()
  expect(await log(on)).toEqual(Array(5).fill('add'))
})

eachBrowser('Enter twice, two buttons, a button and then Enter: one submit', async (on) => {
  const { url, requests } = await livePage(
    page(
      () => html`<form @submit="save"><input name="a"><button id="x">Save</button><button id="y">Save</button></form>`,
    ),
  )
  await on.goto(url)
  await on.settled()
  let release = close()
  await on.type('input', '1')
  await times(4, () => on.press('Enter'))
  release()
  expect(await log(on)).toEqual(['save {"a":"1"}'])
  release = close()
  await on.type('input', '2')
  await on.click('#y')
  await on.click('#x')
  await on.focus('input')
  await on.press('Enter')
  release()
  expect(await log(on)).toEqual(['save {"a":"1"}', 'save {"a":"2"}'])
  // What says something else is another.
  release = close()
  await on.type('input', '3')
  await on.press('Enter')
  await on.type('input', '4')
  await on.press('Enter')
  release()
  expect((await log(on)).slice(2)).toEqual(['save {"a":"3"}', 'save {"a":"34"}'])
  expect(requests).toEqual(['GET /'])
})

eachBrowser('Cancel closes a dialog without a word; its own method sends and closes', async (on) => {
  const { url, requests } = await livePage(
    page(
      () => html`<dialog id="one"><form @submit="save"><input name="a" required><button id="c" formmethod="dialog" formnovalidate>Cancel</button></form></dialog>
        <dialog id="two"><form method="dialog" @submit="save"><input name="a" value="1"><button id="s" value="yes">OK</button></form></dialog>`,
    ),
  )
  await on.goto(url)
  await on.settled()
  const show = (id: string) =>
    on.evaluate((which) => (document.querySelector(which) as HTMLDialogElement).showModal(), id)
  await show('#one')
  await on.click('#c')
  expect(await on.property('#one', 'open')).toBe(false)
  await show('#two')
  await on.click('#s')
  expect(await on.property('#two', 'open')).toBe(false)
  expect(await on.property('#two', 'returnValue')).toBe('yes')
  expect(await log(on)).toEqual(['save {"a":"1"}'])
  expect(requests).toEqual(['GET /'])
})

eachBrowser('after a submit that failed, or was refused, what was typed is there', async (on) => {
  const { url } = await livePage(
    page(
      ({ error }) => html`<form id="f" @submit="fail"><input name="a"><button>x</button></form>
        <form id="r" @submit="refuse"><input name="a" class="${error && 'wrong'}"><input type="checkbox" name="c"><textarea name="t"></textarea><button>x</button></form>
        <form id="s" @submit="save"><input name="a"><button>x</button></form>`,
    ),
  )
  await on.goto(url)
  await on.settled()
  for (const form of ['#f', '#r', '#s']) {
    await on.type(`${form} input`, 'typed')
    if (form === '#r') {
      await on.click('#r [name=c]')
      await on.type('#r textarea', 'typed')
    }
    await on.click(`${form} button`)
    await on.settled()
  }
  await on.shows('p', 'The name is taken.')
  expect(await on.property('#f input', 'value')).toBe('typed')
  expect(await on.property('#r input', 'value')).toBe('typed')
  expect(await on.property('#r [name=c]', 'checked')).toBe(true)
  expect(await on.property('#r textarea', 'value')).toBe('typed')
  expect(await on.property('#s input', 'value')).toBe('')
})

eachBrowser('a reset is told: to the form, to its fields, and to a handler of its own', async (on) => {
  const { url } = await livePage(
    page(
      () => html`<form id="one" @change="edit"><input name="a" value="1"><input name="b" value="2"><button type="reset">Reset</button></form>
        <form id="two" @reset="clear"><input name="c" value="3"><input name="d" type="checkbox" checked data-l-change="add"><input name="e" value="5" data-l-change="add"><button type="reset">Reset</button></form>`,
    ),
  )
  await on.goto(url)
  await on.settled()
  await on.type('[name=a]', 'x')
  await on.click('#one button')
  // Of a reset handlers hear once all of the page have: a moment after the click.
  await on.until(
    (line) => document.querySelector('pre')?.textContent.split('\n').at(-1) === line,
    'edit {"a":"1","b":"2"}',
  )
  expect(await on.property('[name=a]', 'value')).toBe('1')
  const before = (await log(on)).length
  await on.click('[name=d]')
  await on.settled()
  await on.click('#two button')
  await on.until((count) => (document.querySelector('pre')?.textContent.split('\n').length ?? 0) === count, before + 3)
  expect((await log(on)).slice(before)).toEqual([
    'add {"c":"3","e":"5"}',
    'add {"c":"3","d":"on","e":"5"}',
    'clear {"c":"3","d":"on","e":"5"}',
  ])
})
