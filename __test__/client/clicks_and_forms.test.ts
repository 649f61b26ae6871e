/** What a finger and a form do is what the server hears: every click, one submit for one, nothing for a Cancel. */

import type { Page } from 'playwright-core'
import { Harness, plain, tree, until, type Live } from './harness'

const harness = new Harness()

/** What the server has heard so far: handlers and values. */
async function heard(live: Live): Promise<string[]> {
  // What the page has sent by now is on its way before this.
  await live.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)))
  await live.page.click('#last')
  for (;;) {
    const all = live.wire.received.filter(({ type }) => type === 'event')
    if (all.some(({ handler }) => handler === 'last')) {
      return all
        .filter(({ handler }) => handler !== 'last')
        .map(({ handler, vars }) => `${handler} ${vars?.f ?? vars?.v ?? ''}`.trim())
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const LAST = '<button type="button" id="last" data-l-click="last">last</button>'

const isOpen = (page: Page) => page.evaluate(() => document.querySelector('dialog')?.open)

describe('fast clicks', () => {
  const kinds: Record<string, string> = {
    'a button': '<button id="b" data-l-click="add">x</button>',
    'a button in a form': '<form><button id="b" type="button" data-l-click="add">x</button></form>',
    'a button with loading text': '<button id="b" data-l-click="add" l-loading-text="…">x</button>',
    'an input': '<input id="b" type="button" value="x" data-l-click="add" data-l-loading-text="…">',
    'the classic attribute': '<button id="b" l-no-disable data-l-click="add">x</button>',
    'a disabling that is off': '<button id="b" data-l-disable="false" data-l-click="add">x</button>',
  }
  test.each(Object.keys(kinds))('%s: all of them count', async (kind) => {
    const live = await harness.live(plain(`${kinds[kind]}${LAST}`))
    for (let click = 0; click < 5; click++) await live.page.click('#b')
    const value = kind === 'an input' ? 'add x' : 'add'
    expect(await heard(live)).toEqual(Array(5).fill(value))
  })

  test('keys that press a button count as well', async () => {
    const live = await harness.live(plain(`${kinds['a button']}${LAST}`))
    await live.page.focus('#b')
    for (const key of ['Enter', 'Space', 'Enter']) await live.page.keyboard.press(key)
    expect(await heard(live)).toEqual(['add', 'add', 'add'])
  })

  test('a button that asks for it is disabled while it waits, and so is the one that sends its form', async () => {
    const live = await harness.live(
      plain(
        '<button id="b" data-l-disable data-l-click="add">x</button>' +
          `<form data-l-disable data-l-submit="save"><input name="a"><button id="s">Save</button></form>${LAST}`,
      ),
    )
    await live.page.click('#b')
    await live.page.click('#s')
    await live.page.waitForSelector('#s:disabled')
    expect(await live.page.locator('#b').isDisabled()).toBe(true)
    live.patch({})
    live.patch({})
    await live.state('live')
    expect(await live.page.locator('button:disabled').count()).toBe(0)
    await live.page.click('#b')
    expect(await heard(live)).toEqual(['add', 'save a=', 'add'])
  })
})

describe('one submit is one', () => {
  const form = (buttons: string, attributes = '') =>
    plain(`<form data-l-submit="save" ${attributes}><input name="a">${buttons}</form>${LAST}`)

  test('Enter twice', async () => {
    const live = await harness.live(form('<button>Save</button>'))
    await live.page.fill('[name=a]', '1')
    await live.page.keyboard.press('Enter')
    await live.page.keyboard.press('Enter')
    expect(await heard(live)).toEqual(['save a=1'])
  })

  test('Enter held, however fast the answers are', async () => {
    const live = await harness.live(form('<button>Save</button>'))
    await live.page.fill('[name=a]', '1')
    await live.page.keyboard.down('Enter')
    await live.event()
    live.patch({})
    await live.state('live')
    for (let times = 0; times < 5; times++) await live.page.keyboard.down('Enter')
    await live.page.keyboard.up('Enter')
    expect(await heard(live)).toEqual(['save a=1'])
  })

  test('Enter held on the button, and in a field elsewhere on the page', async () => {
    const live = await harness.live(
      plain(`<form id="f" data-l-submit="save"><button id="s">Save</button></form><input form="f" name="a">${LAST}`),
    )
    for (const field of ['#s', '[name=a]']) {
      await live.page.focus(field)
      await live.page.keyboard.down('Enter')
      await live.event()
      live.patch({})
      await live.state('live')
      for (let times = 0; times < 5; times++) await live.page.keyboard.down('Enter')
      await live.page.keyboard.up('Enter')
    }
    expect(await heard(live)).toEqual(['save a=', 'save a='])
  })

  test('Enter held still makes lines, presses what is no submit, and is heard by its handler', async () => {
    const live = await harness.live(
      plain(
        '<form data-l-submit="save"><textarea name="t"></textarea><input id="k" data-l-keydown="key">' +
          `<button type="button" id="b" data-l-click="add">x</button></form>${LAST}`,
      ),
    )
    for (const field of ['textarea', '#b', '#k']) {
      await live.page.focus(field)
      for (let times = 0; times < 3; times++) await live.page.keyboard.down('Enter')
      await live.page.keyboard.up('Enter')
    }
    expect(await live.page.inputValue('textarea')).toBe('\n\n\n')
    const all = await heard(live)
    expect(all.filter((one) => one.startsWith('add'))).toHaveLength(3)
    expect(all.filter((one) => one === 'key')).toHaveLength(3)
    expect(all.filter((one) => one.startsWith('save'))).toHaveLength(1)
  })

  test('two buttons that say the same, a button and then Enter', async () => {
    const live = await harness.live(form('<button id="x">Save</button><button id="y">Save</button>'))
    await live.page.fill('[name=a]', '1')
    await live.page.click('#y')
    await live.page.click('#x')
    await live.page.focus('[name=a]')
    await live.page.keyboard.press('Enter')
    await live.page.evaluate(() => document.querySelector('form')?.requestSubmit())
    expect(await heard(live)).toEqual(['save a=1'])
  })

  test('a button whose value is shown as loading text is the same one', async () => {
    const live = await harness.live(form('<input type="submit" name="do" value="Save" l-loading-text="Saving…">'))
    await live.page.click('[name=do]')
    await live.page.waitForSelector('[name=do][value="Saving…"]')
    await live.page.click('[name=do]')
    await live.page.focus('[name=a]')
    await live.page.keyboard.press('Enter')
    expect(await heard(live)).toEqual(['save a=&do=Save'])
  })

  test('buttons that say something else, and other fields, are another submit', async () => {
    const live = await harness.live(
      form('<button id="x" name="do" value="x">x</button><button id="y" name="do" value="y">y</button>'),
    )
    const { page } = live
    await page.click('#x')
    await page.click('#y')
    await page.click('#y')
    await page.fill('[name=a]', '2')
    await page.click('#y')
    await page.click('#last')
    expect((await live.event()).vars).toEqual({ v: 'a=&do=x' })
    expect((await live.event()).vars).toEqual({ v: 'a=&do=y' })
    expect((await live.event()).vars).toEqual({ v: 'a=2&do=y' })
    expect((await live.event()).handler).toBe('last')
    live.patch({})
    live.error('no')
    await live.page.waitForFunction(() => document.querySelector('form')?.classList.contains('l-loading'))
    await until('the failure', async () => (await live.count('loom:error')) > 0)
    // What was typed since the first stays, until the last is answered.
    expect(await page.inputValue('[name=a]')).toBe('2')
    live.patch({})
    live.patch({})
    await live.state('live')
    expect(await page.inputValue('[name=a]')).toBe('')
  })

  test('after the answer, also a failure, the same can be sent again; another form is another', async () => {
    const live = await harness.live(
      plain(
        '<form data-l-submit="save"><input name="a" value="1"><button id="x">x</button></form>' +
          `<form data-l-submit="save"><input name="a" value="1"><button id="y">y</button></form>${LAST}`,
      ),
    )
    await live.page.click('#x')
    await live.page.click('#y')
    await live.event()
    await live.event()
    live.error('no')
    live.patch({})
    await live.state('live')
    await live.page.click('#x')
    await live.page.click('#y')
    expect(await heard(live)).toEqual(Array(4).fill('save a=1'))
  })

  test('offline, too', async () => {
    const live = await harness.live(form('<button>Save</button>'))
    harness.server.accepting = false
    live.wire.drop()
    await live.state('offline')
    await live.page.fill('[name=a]', '1')
    await live.page.keyboard.press('Enter')
    await live.page.keyboard.press('Enter')
    await live.page.fill('[name=a]', '2')
    await live.page.keyboard.press('Enter')
    harness.server.accepting = true
    await live.rejoined(form('<button>Save</button>'))
    expect((await live.event()).vars).toEqual({ v: 'a=1' })
    expect((await live.event()).vars).toEqual({ v: 'a=2' })
    live.patch({})
    live.patch({})
    await live.state('live')
    expect(live.wire.received.filter(({ type }) => type === 'event')).toHaveLength(2)
  })

  test('the binding may be around the form', async () => {
    const live = await harness.live(
      plain(
        `<div data-l-submit="save"><form><input name="a"><button id="x">x</button></form><form><input name="b"><button id="y">y</button></form></div>${LAST}`,
      ),
    )
    const { page } = live
    await page.fill('[name=a]', '1')
    await page.click('#x')
    await page.click('#x')
    await page.fill('[name=b]', '1')
    await page.click('#y')
    await live.event()
    live.patch({})
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('[name=a]')?.value === '')
    expect(await page.inputValue('[name=b]')).toBe('1')
    expect(await heard(live)).toEqual(['save a=1', 'save b=1'])
  })
})

describe('forms of dialogs', () => {
  async function dialog(form: string): Promise<Live> {
    const live = await harness.live(plain(`<dialog>${form}</dialog>${LAST}`))
    await live.page.evaluate(() => document.querySelector('dialog')?.showModal())
    return live
  }

  const cancels: Record<string, string> = {
    'formmethod on the button':
      '<form data-l-submit="save"><input name="a"><button id="c" formmethod="dialog">Cancel</button></form>',
    'formmethod on the button, in capitals':
      '<form data-l-submit="save"><button id="c" formMethod="DIALOG" value="no">Cancel</button></form>',
    'both':
      '<form method="dialog" data-l-submit="save"><button id="c" formmethod="dialog" value="no">Cancel</button></form>',
    'an input': '<form data-l-submit="save"><input id="c" type="submit" formmethod="dialog" value="Cancel"></form>',
    'a form that is not bound': '<form method="dialog"><button id="c">Cancel</button></form>',
    'a required field':
      '<form data-l-submit="save"><input name="a" required><button id="c" formmethod="dialog" formnovalidate>Cancel</button></form>',
  }
  test.each(Object.keys(cancels))('Cancel closes and says nothing: %s', async (kind) => {
    const live = await dialog(cancels[kind] as string)
    await live.page.click('#c')
    expect(await isOpen(live.page)).toBe(false)
    expect(await heard(live)).toEqual([])
    expect(live.page.url()).toBe(harness.server.url)
  })

  test('a form of method dialog with a handler sends and closes, with the value of its button', async () => {
    const live = await dialog(
      '<form method="dialog" data-l-submit="save"><input name="a" value="1"><button id="s" name="do" value="yes">OK</button></form>',
    )
    await live.page.click('#s')
    expect(await isOpen(live.page)).toBe(false)
    expect(await live.page.evaluate(() => document.querySelector('dialog')?.returnValue)).toBe('yes')
    expect(await heard(live)).toEqual(['save a=1&do=yes'])
  })

  test('any other form with a handler sends and leaves the dialog and the page as they are', async () => {
    const live = await dialog(
      '<form method="dialog" data-l-submit="save"><button id="s" formmethod="post" formaction="/elsewhere">Save</button></form>' +
        '<form method="post" action="/elsewhere" data-l-submit="other"><button id="o">Save</button></form>',
    )
    await live.page.click('#s')
    await live.page.click('#o')
    expect(await isOpen(live.page)).toBe(true)
    await live.page.evaluate(() => document.querySelector('dialog')?.close())
    expect(await heard(live)).toEqual(['save', 'other'])
    expect(live.page.url()).toBe(harness.server.url)
  })
})

describe('after a submit that failed', () => {
  const form = tree(
    [
      '<form data-l-submit="save"><input name="a"><textarea name="t"></textarea><input type="checkbox" name="c">' +
        '<select name="s"><option>1<option>2</select><input type="radio" name="r" value="1"><input type="radio" name="r" value="2">' +
        '<input type="file" name="f"><button>Save</button></form><p>',
      `</p>${LAST}`,
    ],
    '',
  )

  async function filled(): Promise<Live> {
    const live = await harness.live(form)
    const { page } = live
    await page.fill('[name=a]', 'typed')
    await page.fill('textarea', 'typed')
    await page.check('[name=c]')
    await page.selectOption('select', '2')
    await page.check('[name=r][value="2"]')
    await page.setInputFiles('[name=f]', { name: 'f.txt', mimeType: 'text/plain', buffer: Buffer.from('x') })
    await page.click('form button')
    await live.event()
    return live
  }

  const shown = (page: Page) =>
    page.evaluate(() => {
      const form = document.querySelector('form') as HTMLFormElement
      return [...new FormData(form)]
        .map(([name, value]) => `${name}=${typeof value === 'string' ? value : value.name}`)
        .join('&')
    })
  const TYPED = 'a=typed&t=typed&c=on&s=2&r=2&f=f.txt'

  test('the fields keep what was typed', async () => {
    const live = await filled()
    live.error('no')
    await live.state('live')
    expect(await shown(live.page)).toBe(TYPED)
  })

  test('also if the handler asks for it, beside what it renders', async () => {
    const live = await filled()
    live.wire.send(['k', live.id, 1])
    live.patch({ 0: 'The name is taken.' })
    await live.state('live')
    expect(await live.text('p')).toBe('The name is taken.')
    expect(await shown(live.page)).toBe(TYPED)
    // That was this once.
    await live.page.click('form button')
    await live.event()
    live.patch({ 0: '' })
    await live.state('live')
    expect(await shown(live.page)).toBe('a=&t=&s=1&f=')
  })

  test('also if the answer comes after a lost connection', async () => {
    const live = await filled()
    live.wire.drop()
    live.wire = await harness.server.connection()
    const { id } = await live.wire.next('join')
    live.id = id
    live.wire.send(['a', id, 1, 'b.secret'])
    live.wire.send(['k', id, 1])
    live.wire.send([id, 1, 0, 'no'])
    await live.state('live')
    expect(await shown(live.page)).toBe(TYPED)
  })

  test('and if it was not handled at all', async () => {
    const live = await filled()
    live.wire.send(['e', live.id, 1, 'too late', 1, 1])
    await live.state('live')
    expect(await shown(live.page)).toBe(TYPED)
  })

  test('without a failure it shows what the server renders', async () => {
    const live = await filled()
    live.patch({ 0: 'saved' })
    await live.state('live')
    expect(await shown(live.page)).toBe('a=&t=&s=1&f=')
  })
})

describe('reset', () => {
  test('a handler of the form hears of it once, with the fields as they are then', async () => {
    const live = await harness.live(
      plain(
        '<form data-l-change="edit"><input name="a" value="1"><input name="b" value="2"><input name="same" value="3">' +
          `<button type="reset">Reset</button></form>${LAST}`,
      ),
    )
    const { page } = live
    await page.fill('[name=a]', 'x')
    await page.fill('[name=b]', 'y')
    await page.click('[type=reset]')
    expect(await heard(live)).toEqual(['edit a=x&b=2&same=3', 'edit a=x&b=y&same=3', 'edit a=1&b=2&same=3'])
  })

  test('handlers of fields hear what their fields say now, and only of those that changed', async () => {
    const live = await harness.live(
      plain(
        '<form><input name="a" value="1" data-l-input="a"><textarea name="t" data-l-input="t" data-l-change="tt"></textarea>' +
          '<input type="checkbox" name="c" checked data-l-change="c"><select name="s" data-l-change="s"><option>1<option>2</select>' +
          '<select multiple name="m" data-l-change="m"><option selected>1<option>2<option>3</select>' +
          '<input type="radio" name="r" value="1" checked data-l-change="r"><input type="radio" name="r" value="2" data-l-change="r">' +
          '<input name="same" value="3" data-l-input="same"><input type="checkbox" data-l-change="same">' +
          `<button type="reset">Reset</button></form>${LAST}`,
      ),
    )
    const { page } = live
    await page.fill('[name=a]', 'x')
    await page.fill('textarea', 'x')
    await page.uncheck('[name=c]')
    await page.selectOption('[name=s]', '2')
    await page.selectOption('[name=m]', ['1', '3'])
    await page.check('[name=r][value="2"]')
    await page.locator('textarea').evaluate((field: HTMLTextAreaElement) => field.blur())
    const before = (await heard(live)).length + 1
    await page.click('[type=reset]')
    // And again, when there is nothing left to be reset.
    await page.click('[type=reset]')
    await page.click('#last')
    await until('the last click', () => live.wire.received.filter(({ handler }) => handler === 'last').length === 2)
    const told = live.wire.received.filter(({ type }) => type === 'event').slice(before, -1)
    const sorted = told
      .map(({ handler, event, vars }) => `${handler} ${event} ${vars?.v} ${vars?.c ?? ''}`.trim())
      .sort()
    expect(sorted).toEqual([
      'a input 1',
      'c change on true',
      'm change 1',
      'r change 1 true',
      's change 1',
      't input',
      'tt change',
    ])
  })

  test('a reset that is prevented did not happen', async () => {
    const live = await harness.live(
      plain(
        `<form data-l-change="edit" data-l-reset="reset"><input name="a"><button type="reset">Reset</button></form>${LAST}`,
      ),
    )
    await live.page.evaluate(() => {
      ;(document.querySelector('[name=a]') as HTMLInputElement).value = 'x'
      addEventListener('reset', (event) => event.preventDefault())
    })
    await live.page.click('[type=reset]')
    expect(await heard(live)).toEqual([])
    expect(await live.page.inputValue('[name=a]')).toBe('x')
  })

  test('a handler of its own gets the form, by a button or by a script', async () => {
    const live = await harness.live(
      plain(`<form data-l-reset="clear"><input name="a" value="1"><button type="reset">Reset</button></form>${LAST}`),
    )
    await live.page.fill('[name=a]', 'x')
    await live.page.click('[type=reset]')
    await live.page.evaluate(() => document.querySelector('form')?.reset())
    expect(await heard(live)).toEqual(['clear a=1', 'clear a=1'])
    expect(live.wire.received.find(({ handler }) => handler === 'clear')?.event).toBe('reset')
  })

  test('what waited for a pause is not said after it', async () => {
    const live = await harness.live(
      plain(
        `<form><input name="a" data-l-input="a" data-l-debounce="60000"><button type="reset">Reset</button></form>${LAST}`,
      ),
    )
    await live.page.fill('[name=a]', 'x')
    await live.page.evaluate(() => document.querySelector('form')?.reset())
    expect(await heard(live)).toEqual(['a a='])
  })

  test('page and props agree, although the answer to what was typed comes after the reset', async () => {
    const content = (value: string) =>
      tree(['<form><input name="a" data-l-input="a" value="', '"><button type="reset">Reset</button></form>'], value)
    const live = await harness.live(content(''))
    const { page } = live
    await page.fill('[name=a]', 'x')
    await page.click('[type=reset]')
    expect((await live.event()).vars?.v).toBe('x')
    expect((await live.event()).vars?.v).toBe('')
    live.patch({ 0: 'x' })
    live.patch({ 0: '' })
    await live.state('live')
    expect(await page.inputValue('[name=a]')).toBe('')
  })
})
