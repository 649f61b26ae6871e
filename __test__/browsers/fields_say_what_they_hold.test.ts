/** What handlers hear of fields that are no plain ones in their form: custom elements, fields elsewhere, several values. */

import { html, type LiveEvent, type LiveModule, type Tree } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  log: string[]
}

const write = (props: Props, { handler, type, value, fieldValue, values, checked, form }: LiveEvent): Props => ({
  log: [...props.log, JSON.stringify({ handler, type, value, fieldValue, values, checked, form })],
})

const module_ = (body: () => Tree): LiveModule<Props> => ({
  props: { log: [] },
  handle: { write, other: write, form: write },
  render: ({ log }) => html`${body()}<pre>${log.join('\n')}</pre>`,
})

/** What handlers have heard, once they have heard so much. */
const log = async (page: Page, count = 0): Promise<unknown[]> => {
  await page.until(
    (most) => (document.querySelector('pre')?.textContent.split('\n').filter(Boolean).length ?? 0) >= most,
    count,
  )
  await page.settled()
  const lines = await page.text('pre')
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown)
}

/** Fields of their own: one with a value, one that only its form knows, a box, a number, all in closed shadow roots. */
const FIELDS = `<script>
  class Field extends HTMLElement {
    static formAssociated = true
    internals = this.attachInternals()
    constructor() {
      super()
      const root = this.attachShadow({ mode: 'closed' })
      root.innerHTML = '<input>'
      const input = root.firstChild
      input.addEventListener('input', () => this.take(input.value))
      input.addEventListener('change', () => this.dispatchEvent(new Event('change', { bubbles: true })))
      this.focus = () => input.focus()
    }
    take(text) { this.internals.setFormValue(text) }
  }
  customElements.define('x-hidden', class extends Field {})
  customElements.define('x-text', class extends Field {
    text = ''
    get value() { return this.text }
    get form() { return this.internals.form }
    take(text) { this.text = text; super.take(text) }
  })
  customElements.define('x-number', class extends Field {
    get value() { return Number(this.text ?? 0) }
    take(text) { this.text = text; super.take(text) }
  })
  customElements.define('x-tags', class extends Field {
    get value() { return (this.text ?? '').split(',') }
    take(text) { this.text = text; super.take(text) }
  })
  customElements.define('x-box', class extends HTMLElement {
    static formAssociated = true
    internals = this.attachInternals()
    checked = false
    value = 'yes'
    constructor() {
      super()
      this.attachShadow({ mode: 'closed' }).innerHTML = '<b>box</b>'
      this.addEventListener('click', () => {
        this.checked = !this.checked
        this.internals.setFormValue(this.checked ? this.value : null)
        this.dispatchEvent(new Event('change', { bubbles: true }))
      })
    }
  })
</script>`

eachBrowser('custom elements in a form speak as native fields do', async (page) => {
  const { url } = await livePage(
    module_(
      () => html`<form @change="form"><input name="a" value="1"><x-text name="t" @input="write"></x-text>
        <x-hidden name="h" @input="write"></x-hidden><x-number name="n" @input="write"></x-number>
        <x-tags name="g" @input="write"></x-tags><x-box name="b">x</x-box></form>`,
    ),
    { around: (component) => FIELDS + component },
  )
  await page.goto(url)
  await page.settled()
  const type = async (selector: string, text: string) => {
    await page.evaluate((where) => (document.querySelector(where) as HTMLElement).focus(), selector)
    await page.keys(text)
    await page.press('Tab')
  }
  const form: Record<string, string> = { a: '1' }
  for (const [name, text] of [
    ['t', 'x'],
    ['h', 'y'],
    ['n', '3'],
    ['g', 'z'],
  ] as const) {
    const before = (await log(page)).length
    await type(`[name=${name}]`, text)
    form[name] = text
    expect((await log(page, before + 2)).slice(before)).toEqual([
      { handler: 'write', type: 'input', value: text, form },
      { handler: 'form', type: 'change', value: text, form },
    ])
  }
  await page.click('x-box')
  form['b'] = 'yes'
  expect((await log(page)).at(-1)).toEqual({ handler: 'form', type: 'change', value: 'yes', checked: true, form })
  await page.click('x-box')
  delete form['b']
  expect((await log(page)).at(-1)).toEqual({ handler: 'form', type: 'change', value: 'yes', checked: false, form })
})

eachBrowser('a field outside of its form reaches the form’s handler', async (page) => {
  const { url } = await livePage(
    module_(
      () => html`<div @change="other"><form id="f" @change="form" @input.stop="write"><input name="a" value="1"></form>
        <input name="b" form="f"><x-text name="t" form="f"></x-text><select name="s" form="f"><option>1</option><option>2</option></select>
        <p @change="other"><input name="own" form="f"></p><input name="none" form="gone"><input name="lone"></div><button>end</button>`,
    ),
    { around: (component) => FIELDS + component },
  )
  await page.goto(url)
  await page.settled()
  await page.type('[name=b]', 'x')
  await page.press('Tab')
  let form: Record<string, string> = { a: '1', b: 'x', s: '1', own: '' }
  // What the custom element has not set is not in the form.
  expect(await log(page, 2)).toEqual([
    { handler: 'write', type: 'input', value: 'x', form },
    { handler: 'form', type: 'change', value: 'x', form },
  ])
  await page.select('[name=s]', '2')
  form = { ...form, s: '2' }
  expect((await log(page, 4)).slice(2)).toEqual([
    { handler: 'write', type: 'input', value: '2', form },
    { handler: 'form', type: 'change', value: '2', form },
  ])
  // The nearest one is meant.
  await page.type('[name=own]', 'y')
  await page.press('Tab')
  form = { ...form, own: 'y' }
  expect((await log(page, 6)).slice(4)).toEqual([
    { handler: 'write', type: 'input', value: 'y', form },
    { handler: 'other', type: 'change', value: 'y', form },
  ])
  await page.type('[name=none]', 'z')
  await page.press('Tab')
  await page.type('[name=lone]', 'z')
  await page.press('Tab')
  expect((await log(page, 8)).slice(6)).toEqual([
    { handler: 'other', type: 'change', value: 'z' },
    { handler: 'other', type: 'change', value: 'z' },
  ])
  // And the form's own fields are as they were.
  await page.type('[name=a]', '2')
  await page.press('Tab')
  form = { ...form, a: '12' }
  expect((await log(page, 10)).slice(8)).toEqual([
    { handler: 'write', type: 'input', value: '12', form },
    { handler: 'form', type: 'change', value: '12', form },
  ])
})

eachBrowser('a select of many values sends them all', async (page) => {
  const { url } = await livePage(
    module_(
      () => html`<select multiple id="lone" @change="write"><option>a</option><option value="b,&">b</option><option>c</option></select>
        <form><select multiple name="m" @change="write"><option>a</option><option>b</option></select></form>
        <select id="one" @change="write"><option>a</option><option>b</option></select>`,
    ),
  )
  await page.goto(url)
  await page.settled()
  await page.select('#lone', 'b,&', 'c')
  await page.select('#lone')
  await page.select('[name=m]', 'a', 'b')
  await page.select('#one', 'b')
  expect(await log(page)).toEqual([
    { handler: 'write', type: 'change', value: 'b,&', values: ['b,&', 'c'] },
    { handler: 'write', type: 'change', value: '', values: [] },
    { handler: 'write', type: 'change', value: 'a', values: ['a', 'b'], form: { m: ['a', 'b'] } },
    { handler: 'write', type: 'change', value: 'b' },
  ])
})

eachBrowser('a field with a data-l-value sends both', async (page) => {
  const { url } = await livePage(
    module_(
      () => html`<input id="a" @input="write" data-l-value="${7}"><p data-l-value="row" @input="write"><textarea></textarea></p>
        <input type="checkbox" value="v" @change="write" data-l-value="8"><li @click="write" data-l-value="9">row</li>
        <select multiple @change="write" data-l-value="s"><option>x</option><option>y</option></select>`,
    ),
  )
  await page.goto(url)
  await page.settled()
  await page.type('#a', 'x')
  await page.type('textarea', 'y')
  await page.click('[type=checkbox]')
  await page.click('li')
  await page.select('select', 'x', 'y')
  expect(await log(page)).toEqual([
    { handler: 'write', type: 'input', value: '7', fieldValue: 'x' },
    { handler: 'write', type: 'input', value: 'row', fieldValue: 'y' },
    { handler: 'write', type: 'change', value: '8', fieldValue: 'v', checked: true },
    { handler: 'write', type: 'click', value: '9' },
    { handler: 'write', type: 'change', value: 's', fieldValue: 'x', values: ['x', 'y'] },
  ])
})

/** Keeps what the console is told. */
const CONSOLE = `<script>window.said = []; for (const name of ['warn', 'error']) console[name] = (...all) => said.push(all.join(' '))</script>`

for (const development of [true, false]) {
  eachBrowser(
    `a file in a form: ${development ? 'development says so, once' : 'production says nothing'}`,
    async (page) => {
      const { url } = await livePage(
        module_(
          () => html`<form @submit="form" @change="form"><input type="file" name="picture"><input name="a"><button>x</button></form>
          <form><input type="file" name="else"></form>`,
        ),
        { around: (component) => CONSOLE + component, options: { development } },
      )
      await page.goto(url)
      await page.settled()
      const choose = (selector: string) =>
        page.evaluate((where) => {
          const input = document.querySelector(where) as HTMLInputElement
          const transfer = new DataTransfer()
          transfer.items.add(new File(['x'], 'x.png'))
          input.files = transfer.files
          input.dispatchEvent(new Event('change', { bubbles: true }))
        }, selector)
      const said = () =>
        page.evaluate(() => (window as unknown as { said: string[] }).said.filter((one) => one.includes('file')))
      // Nobody is told of a form that is not bound.
      await choose('[name=else]')
      await page.type('[name=a]', 'x')
      await page.press('Enter')
      await page.settled()
      expect(await said()).toEqual([])
      await choose('[name=picture]')
      await page.click('button')
      await page.settled()
      expect(await said()).toEqual(
        development ? [expect.stringMatching(/the file in "picture" is not sent.*fetch/)] : [],
      )
      expect((await log(page)).at(-1)).toEqual(expect.objectContaining({ type: 'submit', form: { a: '' } }))
    },
  )
}
