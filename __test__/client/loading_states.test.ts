import { Harness, plain, tree } from './harness'

const harness = new Harness()

const button = (attributes = '', inner = 'Save') => `<button id="b" data-l-click="save" ${attributes}>${inner}</button>`

test('a click shows on its element until its own answer, and then leaves no trace', async () => {
  const live = await harness.live(tree([button('class="big" data-l-disable') + '<p>', '</p>'], '1'))
  const { page } = live
  const before = await live.html()
  await page.click('#b')
  await page.waitForSelector('#b[aria-busy=true]')
  const b = page.locator('#b')
  expect(await b.getAttribute('class')).toBe('big l-loading')
  expect(await b.getAttribute('aria-busy')).toBe('true')
  expect(await b.isDisabled()).toBe(true)
  live.patch({})
  await live.state('live')
  expect(await live.html()).toBe(before)
})

test('an answer that comes soon shows nothing of it, but a second click is taken by nobody', async () => {
  const live = await harness.live(plain(button('data-l-disable')))
  const { page } = live
  // The time until it shows, which the test ends.
  await page.evaluate(() => {
    const real = setTimeout
    const held: (() => void)[] = []
    const hold = (work: () => void, ms?: number) => (ms === 100 ? held.push(work) : real(work, ms))
    Object.assign(window, { setTimeout: hold, pass: () => held.splice(0).forEach((work) => work()) })
  })
  const pass = () => page.evaluate(() => (window as unknown as { pass(): void }).pass())
  await page.click('#b')
  await page.waitForSelector('#b:disabled')
  expect(await page.locator('.l-loading,[aria-busy]').count()).toBe(0)
  await live.event()
  live.patch({})
  await live.state('live')
  await pass()
  expect(await live.html()).toBe(button('data-l-disable').replace('data-l-disable', 'data-l-disable=""'))
  await page.click('#b')
  await page.waitForSelector('#b:disabled')
  await pass()
  expect(await page.locator('#b.l-loading[aria-busy=true]').count()).toBe(1)
  live.patch({})
  await live.state('live')
})

test('an error ends it too', async () => {
  const live = await harness.live(plain(button()))
  await live.page.click('#b')
  await live.event()
  live.error('thrown')
  await live.state('live')
  expect(await live.html()).toBe(button().replace(' >', '>'))
  expect(await live.seen('loom:error')).toEqual([{ message: 'thrown' }])
})

test('it shows until the last of several answers', async () => {
  const live = await harness.live(plain(button()))
  await live.page.click('#b')
  await live.page.click('#b')
  await live.event()
  await live.event()
  live.patch({})
  await live.settled()
  // `settled` has answered the second.
  await live.state('live')
  expect(await live.page.locator('.l-loading').count()).toBe(0)
})

test('each answer ends the oldest event, across elements and patches', async () => {
  const live = await harness.live(
    tree(
      [
        `<button id="a" data-l-click="a" data-l-disable>a</button>${button('data-l-disable')}<input data-l-input="typed"><p>`,
        '</p>',
      ],
      '1',
    ),
  )
  const { page } = live
  const busy = () => page.locator('.l-loading').evaluateAll((all) => all.map((element) => element.id))
  await page.click('#a')
  await page.locator('input').pressSequentially('x')
  await page.click('#b')
  await page.waitForSelector('#b[aria-busy=true]')
  live.patch({ 0: '2' })
  await page.waitForSelector('p:text("2")')
  expect(await busy()).toEqual(['b'])
  expect(await page.locator('#a').isDisabled()).toBe(false)
  live.patch({ 0: '3' })
  await page.waitForSelector('p:text("3")')
  expect(await busy()).toEqual(['b'])
  expect(await page.locator('#b').isDisabled()).toBe(true)
  live.patch({})
  await live.state('live')
  expect(await busy()).toEqual([])
})

test('what the server renders for the element is there when the loading state ends', async () => {
  const live = await harness.live(
    tree(
      ['<button id="b" data-l-click="save" l-loading-text="Saving…" class="', '" disabled="', '">', '</button>'],
      'one',
      0,
      'Save',
    ),
  )
  await live.page.click('#b')
  await live.page.waitForSelector('#b[aria-busy=true]')
  expect(await live.text('#b')).toBe('Saving…')
  live.patch({ 0: 'two', 1: 1, 2: 'Saved' })
  await live.state('live')
  expect(await live.html()).toBe(
    '<button id="b" data-l-click="save" l-loading-text="Saving…" class="two" disabled="">Saved</button>',
  )
})

test('text is swapped, with what is beside it left in place', async () => {
  const live = await harness.live(
    plain(
      button('data-l-loading-text="Wait"', '<svg></svg> Save <b>now</b>') +
        '<form data-l-submit="s"><input type="submit" value="Send" l-loading-text="Sending"></form>',
    ),
  )
  const before = await live.html()
  await live.page.click('#b')
  await live.page.waitForSelector('#b[aria-busy=true]')
  expect(await live.html('#b')).toBe('<svg></svg>Wait<b></b>')
  await live.page.click('[type=submit]')
  await live.page.waitForSelector('[type=submit][aria-busy=true]')
  expect(await live.page.inputValue('[type=submit]')).toBe('Sending')
  live.patch({})
  live.patch({})
  await live.state('live')
  expect(await live.html()).toBe(before)
})

test('indicators are hidden, and shown while their element waits', async () => {
  const live = await harness.live(
    tree(
      [
        button('', 'Save <i id="inline" l-loading>…</i>') +
          '<span id="remote" data-l-loading="b">busy</span><div id="holder" l-loading="b"><i id="held" data-l-loading="">…</i>text</div>' +
          '<span id="other" l-loading="nobody">x</span><p>',
        '</p>',
      ],
      '1',
    ),
  )
  const { page } = live
  const shown = async () => {
    const ids = ['inline', 'remote', 'holder', 'held', 'other']
    const visible = await Promise.all(ids.map((id) => page.locator(`#${id}`).isVisible()))
    return ids.filter((_, index) => visible[index])
  }
  expect(await shown()).toEqual(['holder'])
  await page.click('#b')
  await page.waitForSelector('#b[aria-busy=true]')
  expect(await shown()).toEqual(['inline', 'remote', 'holder', 'held'])
  expect(await page.locator('#remote').getAttribute('class')).toBe('l-loading')
  live.patch({ 0: '2' })
  await live.state('live')
  expect(await shown()).toEqual(['holder'])
})

test('a submit shows on the form and on the button that sent it', async () => {
  const live = await harness.live(
    plain(
      '<form id="f" data-l-submit="save"><input name="q"><button data-l-disable>Save</button><i l-loading>…</i></form>',
    ),
  )
  const { page } = live
  await page.click('button')
  await page.waitForSelector('#f[aria-busy=true]')
  expect(await page.getAttribute('#f', 'aria-busy')).toBe('true')
  expect(await page.locator('button').isDisabled()).toBe(true)
  expect(await page.locator('input').isEnabled()).toBe(true)
  expect(await page.locator('i').isVisible()).toBe(true)
  live.patch({})
  await live.state('live')
  expect(await page.locator('button').isEnabled()).toBe(true)
  expect(await page.getAttribute('#f', 'class')).toBe(null)
})

test('the focus comes back to the button that was disabled', async () => {
  const live = await harness.live(plain(button('data-l-disable data-l-focus="in" data-l-blur="out"') + '<input>'))
  const { page } = live
  await page.focus('#b')
  expect((await live.event()).handler).toBe('in')
  live.patch({})
  await page.keyboard.press('Enter')
  expect((await live.event()).handler).toBe('save')
  await page.waitForFunction(() => document.activeElement === document.body)
  live.patch({})
  await page.waitForFunction(() => document.activeElement?.id === 'b')
  await live.settled()
  // That was not the user: no event says so.
  await page.focus('input')
  expect((await live.event()).handler).toBe('out')
})

test('the focus stays where the user has gone meanwhile', async () => {
  const live = await harness.live(plain(button('data-l-disable') + '<input>'))
  await live.page.click('#b')
  await live.page.focus('input')
  live.patch({})
  await live.state('live')
  expect(await live.page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT')
})

test('an indicator can have a style that changes', async () => {
  const live = await harness.live(
    tree(['<button data-l-click="go"><span l-loading style="color: ', '">x</span></button>'], 'red'),
  )
  expect(await live.page.isVisible('span')).toBe(false)
  live.patch({ 0: 'blue' })
  await live.settled()
  expect(await live.page.getAttribute('span', 'style')).toContain('blue')
  await live.state('live')
  expect(await live.page.isVisible('span')).toBe(false)
})

test('a class that a script adds or takes away meanwhile stays so', async () => {
  const live = await harness.live(tree([button('class="big old"') + '<p>', '</p>'], '1'))
  const { page } = live
  await page.click('#b')
  await page.waitForSelector('#b.l-loading')
  await page.evaluate(() => {
    const { classList } = document.querySelector('#b') as Element
    classList.add('mine')
    classList.remove('old')
  })
  await live.event()
  live.patch({})
  await live.state('live')
  expect(await page.locator('#b').getAttribute('class')).toBe('big mine')
})
