import { Harness, plain, tree, type Live } from './harness'

const harness = new Harness()

const field = tree(['<input name="q" data-l-input="typed" value="', '"><p>', '</p>'], '', '')

const value = (live: Live) => live.page.inputValue('[name=q]')

test('text typed before the page is live stays', async () => {
  const live = await harness.live(plain('<input name="q"><textarea name="t">server</textarea>'), {
    around: (html) => `${html}<script>
      document.querySelector('input').value = 'early'; document.querySelector('textarea').value = 'early too'</script>`,
  })
  await live.settled()
  expect(await value(live)).toBe('early')
  expect(await live.page.inputValue('textarea')).toBe('early too')
})

test('a field that the render does not mention keeps its text', async () => {
  const live = await harness.live(tree(['<input name="q"><textarea name="t">one</textarea><p>', '</p>'], '1'))
  await live.page.fill('[name=q]', 'mine')
  await live.page.fill('textarea', 'mine too')
  live.patch({ 0: '2' })
  await live.settled()
  expect(await value(live)).toBe('mine')
  expect(await live.page.inputValue('textarea')).toBe('mine too')
})

test('an answer to what was typed before does not overwrite what was typed since', async () => {
  const live = await harness.live(field)
  const input = live.page.locator('input')
  await input.pressSequentially('a')
  await live.event()
  await input.pressSequentially('b')
  await live.event()
  live.patch({ 0: 'A', 1: '1' })
  await live.settled()
  expect(await live.text('p')).toBe('1')
  expect(await value(live)).toBe('ab')
})

test('what the server makes of the text, having seen all of it, is shown', async () => {
  const live = await harness.live(field)
  await live.page.locator('input').pressSequentially('ab')
  await live.event()
  await live.event()
  live.patch({ 0: 'A' })
  live.patch({ 0: 'AB' })
  await live.page.waitForFunction(() => document.querySelector('input')?.value === 'AB')
  expect(await live.page.evaluate(() => document.querySelector('input')?.selectionStart)).toBe(2)
})

test('a value that an older render brought first counts when one that has seen the text repeats it', async () => {
  const live = await harness.live(tree(['<input name="q" data-l-input="typed" value="', '"><p>', '</p>'], 'x', ''))
  const input = live.page.locator('input')
  await input.press('End')
  await input.pressSequentially('y')
  await live.event()
  await input.pressSequentially('z')
  await live.event()
  live.patch({ 0: '', 1: '1' })
  await live.page.waitForSelector('p:text("1")')
  expect(await value(live)).toBe('xyz')
  live.patch({ 1: '2' })
  await live.page.waitForSelector('p:text("2")')
  expect(await value(live)).toBe('')
})

test('a new value from the server is shown, focused or not', async () => {
  const live = await harness.live(
    tree(['<input name="q" value="', '"><textarea>', '</textarea><button data-l-click="go">go</button>'], 'one', 'one'),
  )
  await live.page.fill('[name=q]', 'mine')
  await live.page.fill('textarea', 'mine')
  await live.page.click('button')
  await live.event()
  live.patch({ 0: 'two', 1: 'two' })
  await live.page.waitForFunction(() => document.querySelector('input')?.value === 'two')
  expect(await live.page.inputValue('textarea')).toBe('two')
})

test('the caret stays where it was', async () => {
  const live = await harness.live(field)
  const input = live.page.locator('input')
  await input.pressSequentially('hello')
  await input.evaluate((element: HTMLInputElement) => element.setSelectionRange(2, 4))
  for (let count = 0; count < 5; count++) await live.event()
  for (const text of ['H', 'HE', 'HEL', 'HELL', 'HELLO']) live.patch({ 0: text })
  await live.page.waitForFunction(() => document.querySelector('input')?.value === 'HELLO')
  expect(await input.evaluate((element: HTMLInputElement) => [element.selectionStart, element.selectionEnd])).toEqual([
    2, 4,
  ])
})

test('a composition is never broken off', async () => {
  const live = await harness.live(
    tree(['<input name="q" value="', '"><button data-l-click="go" l-no-disable>go</button>'], ''),
  )
  await live.page.focus('input')
  const keyboard = await live.page.context().newCDPSession(live.page)
  await keyboard.send('Input.imeSetComposition', { text: 'に', selectionStart: 1, selectionEnd: 1 })
  // An event made since: its answer would be free to set the field otherwise.
  await live.page.evaluate(() => document.querySelector('button')?.click())
  await live.event()
  live.patch({ 0: 'server' })
  await live.settled()
  expect(await value(live)).toBe('に')
  await keyboard.send('Input.imeSetComposition', { text: 'にほ', selectionStart: 2, selectionEnd: 2 })
  await keyboard.send('Input.insertText', { text: '日本' })
  expect(await value(live)).toBe('日本')
})

test('a composition at a control of a prop is told when it is chosen, and a slower answer leaves it alone', async () => {
  const live = await harness.live(
    tree(['<input data-l-model="q" value="', '"><button data-l-click="go">go</button>'], ''),
  )
  await live.page.focus('input')
  await live.page.keyboard.press('a')
  expect(await live.event()).toMatchObject({ handler: 'q', event: 'model', vars: { v: 'a' } })
  const keyboard = await live.page.context().newCDPSession(live.page)
  await keyboard.send('Input.imeSetComposition', { text: 'に', selectionStart: 1, selectionEnd: 1 })
  await live.page.evaluate(() => document.querySelector('button')?.click())
  expect(await live.event()).toMatchObject({ handler: 'go' })
  live.patch({ 0: 'A' })
  live.patch({ 0: 'B' })
  await live.settled()
  const shown = () => live.page.inputValue('input')
  expect(await shown()).toBe('aに')
  await keyboard.send('Input.imeSetComposition', { text: 'にほ', selectionStart: 2, selectionEnd: 2 })
  await keyboard.send('Input.insertText', { text: '日本' })
  expect(await shown()).toBe('a日本')
  // Of what was proposed nothing was told.
  expect(await live.event()).toMatchObject({ handler: 'q', event: 'model', vars: { v: 'a日本' } })
})

test('boxes, radios and selects are kept and set by the same rule', async () => {
  const live = await harness.live(
    tree(
      [
        '<input type="checkbox" name="box" checked="',
        '"><input type="radio" name="r" value="a" checked><input type="radio" name="r" value="b">' +
          '<select name="s">',
        '<option value="x">x</option><option value="y" selected="',
        '">y</option><option value="z">z</option></select><p>',
        '</p><button data-l-click="go">go</button>',
      ],
      0,
      '',
      1,
      '1',
    ),
  )
  const { page } = live
  const state = () =>
    page.evaluate(() => [
      document.querySelector<HTMLInputElement>('[name=box]')?.checked,
      document.querySelector<HTMLInputElement>('[name=r]:checked')?.value,
      document.querySelector('select')?.value,
    ])
  expect(await state()).toEqual([false, 'a', 'y'])
  await page.check('[name=box]')
  await page.check('[value=b]')
  await page.selectOption('select', 'z')
  live.patch({ 3: '2' })
  await page.waitForSelector('p:text("2")')
  expect(await state()).toEqual([true, 'b', 'z'])
  // An option more is no reason to choose another.
  live.patch({ 1: plain('<option value="w">w</option>') })
  await live.settled()
  expect(await state()).toEqual([true, 'b', 'z'])
  await page.click('button')
  await live.event()
  live.patch({ 0: 1, 2: 0 })
  await live.settled()
  expect(await state()).toEqual([true, 'b', 'w'])
  await page.click('button')
  await live.event()
  live.patch({ 0: 0 })
  await live.settled()
  expect(await state()).toEqual([false, 'b', 'w'])
})

test('after an answered submit the fields return to what the server rendered', async () => {
  const live = await harness.live(
    tree(
      [
        '<form data-l-submit="add"><input name="q" value="',
        '"><input name="keep" data-l-keep><input type="checkbox" name="c"><textarea name="t">t</textarea>' +
          '<select name="s"><option>1</option><option>2</option></select><button>Add</button></form><p>',
        '</p>',
      ],
      '',
      '',
    ),
  )
  const { page } = live
  await page.fill('[name=q]', 'milk')
  await page.fill('[name=keep]', 'stays')
  await page.check('[name=c]')
  await page.fill('textarea', 'changed')
  await page.selectOption('select', '2')
  await page.click('button')
  expect((await live.event()).vars?.v).toBe('q=milk&keep=stays&c=on&t=changed&s=2')
  expect(await value(live)).toBe('milk')
  live.patch({ 1: 'added' })
  await page.waitForSelector('p:text("added")')
  expect(await value(live)).toBe('')
  expect(await page.inputValue('[name=keep]')).toBe('stays')
  expect(await page.isChecked('[name=c]')).toBe(false)
  expect(await page.inputValue('textarea')).toBe('t')
  expect(await page.inputValue('select')).toBe('1')
})

test('a submit answered with an error takes nothing away, and data-l-keep on the form neither', async () => {
  const live = await harness.live(
    tree(['<form data-l-submit="add" data-l-keep="', '"><input name="q"><button>Add</button></form>'], 0),
  )
  await live.page.fill('[name=q]', 'milk')
  await live.page.click('button')
  await live.event()
  live.error('no')
  await live.settled()
  expect(await value(live)).toBe('milk')
  live.patch({ 0: 1 })
  await live.settled()
  await live.page.click('button')
  await live.event()
  live.patch({})
  await live.settled()
  expect(await value(live)).toBe('milk')
})

test('text typed after the submit was sent is not lost', async () => {
  const live = await harness.live(
    plain('<form data-l-submit="add"><input name="q"><input name="other"><button>Add</button></form>'),
  )
  await live.page.fill('[name=other]', 'taken')
  await live.page.fill('[name=q]', 'milk')
  await live.page.press('[name=q]', 'Enter')
  await live.event()
  await live.page.fill('[name=q]', 'eggs')
  live.patch({})
  await live.settled()
  expect(await value(live)).toBe('eggs')
  expect(await live.page.inputValue('[name=other]')).toBe('')
})
