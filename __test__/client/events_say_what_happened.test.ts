import { container, Harness, plain, sendJoin } from './harness'

const harness = new Harness()

test('each type of event with what belongs to it', async () => {
  const live = await harness.live(
    plain(
      '<input id="text" data-l-input="typed" data-l-change="changed" data-l-focus="in" data-l-blur="out" ' +
        'data-l-keydown="down" data-l-keyup="up"><input id="box" type="checkbox" data-l-change="ticked">' +
        '<select data-l-change="chosen"><option>1</option><option>2</option></select>' +
        '<button data-l-click="plain">x</button><button id="b" value="v" data-l-click="valued">x</button>' +
        '<li data-l-click="row" data-l-value="7"><b>row</b></li>',
    ),
  )
  const { page } = live
  const next = async () => {
    const { handler, event, vars } = await live.event()
    return [handler, event, vars]
  }
  await page.focus('#text')
  expect(await next()).toEqual(['in', 'focus', { v: '' }])
  await page.keyboard.press('a')
  expect(await next()).toEqual(['down', 'keydown', { v: '', k: 'a' }])
  expect(await next()).toEqual(['typed', 'input', { v: 'a' }])
  expect(await next()).toEqual(['up', 'keyup', { v: 'a', k: 'a' }])
  await page.check('#box')
  expect(await next()).toEqual(['changed', 'change', { v: 'a' }])
  expect(await next()).toEqual(['out', 'blur', { v: 'a' }])
  expect(await next()).toEqual(['ticked', 'change', { v: 'on', c: true }])
  await page.selectOption('select', '2')
  expect(await next()).toEqual(['chosen', 'change', { v: '2' }])
  await page.click('button >> nth=0')
  expect(await next()).toEqual(['plain', 'click', {}])
  await page.click('#b')
  expect(await next()).toEqual(['valued', 'click', { v: 'v' }])
  await page.click('li b')
  expect(await next()).toEqual(['row', 'click', { v: '7' }])
})

test("a submit's value is its form with the button that sent it, without files, and the page stays", async () => {
  const live = await harness.live(
    plain(
      '<form data-l-submit="save" action="/elsewhere"><input name="a" value="1 &amp; 2"><input name="a" value="ä">' +
        '<input type="file" name="f"><input name="off" value="x" disabled><button name="do" value="save">Save</button></form>',
    ),
  )
  await live.page.click('button')
  expect((await live.event()).vars).toEqual({ v: 'a=1+%26+2&a=%C3%A4&do=save' })
  expect(live.page.url()).toBe(harness.server.url)
})

test('a click that has a handler still does what it does: a form is sent, a box changed', async () => {
  const live = await harness.live(
    plain(
      '<form data-l-submit="save"><button name="do" value="save" data-l-click="clicked">Save</button></form>' +
        '<input type="checkbox" data-l-click="clicked" data-l-change="ticked">',
    ),
  )
  const next = async () => {
    const { handler, vars } = await live.event()
    return [handler, vars]
  }
  await live.page.click('button')
  expect(await next()).toEqual(['clicked', { v: 'save' }])
  expect(await next()).toEqual(['save', { v: 'do=save' }])
  await live.page.click('[type=checkbox]')
  expect(await next()).toEqual(['clicked', { v: 'on', c: true }])
  expect(await next()).toEqual(['ticked', { v: 'on', c: true }])
})

test('a changed field brings its form along, and one without a form does not', async () => {
  const live = await harness.live(
    plain(
      '<form><input name="a" value="1" data-l-input="typed" data-l-change="changed" data-l-keyup="up">' +
        '<input name="b" value="ä&amp;"></form><input form="else" name="c" data-l-input="lone"><form id="else"></form>',
    ),
  )
  await live.page.locator('[name=a]').press('x')
  expect((await live.event()).vars).toEqual({ v: 'x1', f: 'a=x1&b=%C3%A4%26' })
  expect((await live.event()).vars).toEqual({ v: 'x1', k: 'x' })
  await live.page.locator('[name=c]').press('y')
  expect((await live.event()).vars).toEqual({ v: 'x1', f: 'a=x1&b=%C3%A4%26' })
  expect((await live.event()).vars).toEqual({ v: 'y', f: 'c=y' })
})

test('a form that the component does not bind is the page’s', async () => {
  const live = await harness.live(plain('<form action="/elsewhere"><button>Go</button></form>'))
  await live.page.click('button')
  await live.page.waitForURL('**/elsewhere?')
})

test('the nearest binding takes the event, for its own nearest container', async () => {
  const inner = '<div data-l-live="inner" data-l-token="t"><i>inside</i><button data-l-click="mine">x</button></div>'
  const page = await harness.open(container(`<section data-l-click="outer">${inner}</section>`))
  const wire = await harness.server.connection()
  const outer = await wire.next('join')
  const nested = await wire.next('join')
  sendJoin(wire, outer.id, plain(`<section data-l-click="outer">${inner}</section>`))
  sendJoin(wire, nested.id, plain('<i>inside</i><button data-l-click="mine">x</button>'))
  await page.waitForSelector('[data-l-live=inner][data-l-state=live]')
  await page.click('button')
  expect(await wire.next()).toMatchObject({ id: nested.id, handler: 'mine' })
  await page.click('i')
  expect(await wire.next()).toMatchObject({ id: outer.id, handler: 'outer' })
  expect(wire.received).toHaveLength(4)
})

test('disabled elements send nothing, and neither does what is around them', async () => {
  const live = await harness.live(
    plain(
      '<div data-l-click="around"><fieldset disabled><button data-l-click="no"><span>x</span></button></fieldset></div>' +
        '<button id="yes" data-l-click="yes">x</button>',
    ),
  )
  await live.page.locator('span').dispatchEvent('click')
  await live.page.click('#yes')
  expect((await live.event()).handler).toBe('yes')
})

test('prevent and stop', async () => {
  const live = await harness.live(
    plain(
      '<div id="around"><a id="stopped" href="/elsewhere" data-l-click="one" data-l-prevent="true" data-l-stop="true">a</a>' +
        '<a id="prevented" href="/elsewhere" data-l-click="two" data-l-prevent="true">a</a></div>',
    ),
  )
  await live.page.evaluate(() => {
    const heard: string[] = []
    Object.assign(window, { heard })
    document.querySelector('#around')?.addEventListener('click', (event) => heard.push((event.target as Element).id))
  })
  await live.page.click('#stopped')
  await live.page.click('#prevented')
  expect([(await live.event()).handler, (await live.event()).handler]).toEqual(['one', 'two'])
  expect(live.page.url()).toBe(harness.server.url)
  expect(await live.page.evaluate(() => (window as unknown as { heard: string[] }).heard)).toEqual(['prevented'])
})

test('a click is sent although a listener of the page takes the element away', async () => {
  const live = await harness.live(plain('<button data-l-click="go">go</button>'))
  await live.page.evaluate(() => {
    document.querySelector('button')?.addEventListener('click', (event) => (event.target as Element).remove())
  })
  await live.page.click('button')
  expect((await live.event()).handler).toBe('go')
})

test('keys that an input method uses are not sent', async () => {
  const live = await harness.live(plain('<input data-l-keydown="key">'))
  await live.page.evaluate(() => {
    const press = (key: string, isComposing: boolean) =>
      document.querySelector('input')?.dispatchEvent(new KeyboardEvent('keydown', { key, isComposing, bubbles: true }))
    press('Enter', true)
    press('b', false)
  })
  expect((await live.event()).vars?.k).toBe('b')
})

test.each([
  ['change', 'x'],
  ['focusout', ''],
])('a control of a prop that is left by a %s is told, and then the form around it', async (_, typed) => {
  const live = await harness.live(
    plain(
      '<form data-l-input="check"><input name="a" data-l-model="a" data-l-model-lazy data-l-validity=""></form><button>b</button>',
    ),
  )
  const next = async () => {
    const { handler, event, vars } = await live.event()
    return [handler, event, vars]
  }
  await live.page.focus('input')
  if (typed) {
    await live.page.keyboard.type(typed)
    expect(await next()).toEqual(['check', 'input', { v: typed, f: `a=${typed}`, l: [] }])
  }
  await live.page.focus('button')
  expect(await next()).toEqual(['a', 'model', { v: typed, l: ['a'] }])
  expect(await next()).toEqual(['check', 'input', { v: typed, f: `a=${typed}`, l: ['a'] }])
})
