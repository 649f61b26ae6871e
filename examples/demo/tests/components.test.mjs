// The demo's components, tested without a browser: `node --test examples/demo/tests/`. See docs/testing.md.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openPage } from 'loom-live/testing'
import { chat } from '../chat.mjs'
import { counter } from '../counter.mjs'
import { countries } from '../countries.mjs'
import '../commands.mjs'
import { loom } from '../loom.mjs'
import '../orders.mjs'
import { search } from '../search.mjs'
import '../settings.mjs'
import '../signup.mjs'
import '../team.mjs'
import { todo } from '../todo.mjs'

after(() => loom.close())

/**
 * A page that is closed when its test ends. Where Node is 24 or newer, `await using page = await openPage(…)` says the same.
 * @param {import('node:test').TestContext} t
 * @param {Parameters<typeof openPage>[1]} module
 */
async function open(t, module, props = {}, options = {}) {
  const page = await openPage(loom, module, props, options)
  t.after(() => page.close())
  return page
}

for (let count = -10; count < 10; count++) {
  test(`a counter at ${count} counts up and down`, async (t) => {
    const page = await open(t, counter, { count })
    await page.click('[aria-label="One more"]')
    await page.click('[aria-label="One more"]')
    await page.click('[aria-label="One less"]')
    assert.equal(page.text('output'), String(count + 1))
  })
}

for (const { name, capital } of countries.slice(0, 30)) {
  test(`${capital} is found, the capital of ${name}`, async (t) => {
    const page = await open(t, search)
    await page.fill('#query', capital)
    assert.ok(page.has('.results b', { text: name }), page.html('.results'))
    assert.equal((await page.props()).query, capital)
  })
}

for (const title of ['Bread', '<b>Milk</b>', 'Zoë’s “tea”', '牛乳', ' Salt ']) {
  test(`${title} is put on the list`, async (t) => {
    const page = await open(t, todo)
    await page.submit('form.add', { title })
    assert.equal(page.text('.note'), '2 of 3 left')
    const { todos } = await page.props()
    assert.deepEqual(todos.at(-1), { id: 3, title: title.trim(), done: false })
    // A form that was accepted is empty again.
    assert.equal(/** @type {HTMLInputElement} */ (page.container.querySelector('.add input')).value, '')
  })

  test(`${title} is put on the list without a network, and is there once in the next process`, async (t) => {
    const page = await open(t, todo)
    await page.disconnect()
    await page.submit('form.add', { title })
    assert.equal(page.text('.note'), '1 of 2 left')
    await page.reconnect({ process: 'new' })
    assert.equal(page.text('.note'), '2 of 3 left')
  })
}

test('a to-do is done, renamed and removed', async (t) => {
  const page = await open(t, todo)
  await page.fill('#todo-2 [type=checkbox]', true)
  assert.equal(page.text('.note'), '0 of 2 left')
  await page.fill('#todo-2 [aria-label=Title]', 'Another title')
  await page.click('#todo-2 button')
  assert.equal((await page.props()).todos.length, 1)
})

test('what one window of the chat says, the other shows', async (t) => {
  const one = await open(t, chat)
  const two = await open(t, chat)
  await one.submit('form', { text: 'Hello from a test' })
  await two.settled()
  assert.match(two.text(), /Hello from a test/)
})

for (const [email, what] of [
  ['', 'This is no e-mail address.'],
  ['ada', 'This is no e-mail address.'],
  ['ada@', 'This is no e-mail address.'],
  ['@example.org', 'This is no e-mail address.'],
]) {
  test(`nobody signs up with the address ${JSON.stringify(email)}`, async (t) => {
    const page = await open(t, 'signup')
    await page.submit('form', {
      name: 'Ada Lovelace',
      email,
      password: 'long enough',
      again: 'long enough',
      plan: 'team',
    })
    assert.ok(page.has('.loom-error', { text: what }), page.html())
  })
}

for (const plan of ['free', 'team']) {
  test(`somebody signs up for the plan ${plan}`, async (t) => {
    const page = await open(t, 'signup')
    const email = `${plan}@example.org`
    await page.submit('form', {
      name: 'Grace Hopper',
      email,
      password: 'long enough',
      again: 'long enough',
      plan,
      terms: true,
    })
    assert.equal(page.text('#welcome'), 'Welcome, Grace Hopper!')
    await page.submit()
    assert.ok(page.has('[name=email]'))
  })
}

for (let order = 1001; order <= 1008; order++) {
  test(`order ${order} is edited in the dialog`, async (t) => {
    const page = await open(t, 'orders')
    await page.click(`[aria-label="Edit order ${order}"]`)
    await page.submit('dialog form', { items: '42', note: 'by a test' })
    assert.match(page.text(`#order-${order} .items`), /^42 items$/)
    assert.match(page.text(), new RegExp(`Order ${order} is saved\\.`))
  })
}

for (const [name, wrong] of [
  ['Grace', ''],
  ['G', 'Two letters at least.'],
  ['x'.repeat(61), 'Sixty letters at most.'],
]) {
  test(`the name ${name.slice(0, 8)} is ${wrong === '' ? 'kept' : 'not kept'}`, async (t) => {
    const page = await open(t, 'settings')
    await page.fill('[data-l-model=name]', name)
    assert.equal((await page.props()).name, wrong === '' ? name : 'Ada Lovelace')
    assert.equal(page.has('.loom-error', { text: wrong }), wrong !== '')
  })
}

for (const theme of ['light', 'dark']) {
  test(`the theme is ${theme}`, async (t) => {
    const page = await open(t, 'settings')
    await page.fill(`[type=radio][value=${theme}]`, true)
    assert.equal((await page.props()).theme, theme)
  })
}

for (const name of ['Ada', 'Grace', 'Edsger']) {
  test(`${name}, a component in a component, is thanked and put first`, async (t) => {
    const page = await open(t, 'team', {}, { request: { url: '/team' } })
    await page.click(`[aria-label="Thank ${name}"]`)
    await page.click(`[aria-label="Thank ${name}"]`)
    await page.click(`[aria-label="Put first: ${name}"]`)
    assert.equal(page.container.querySelector('strong')?.textContent, name)
    assert.equal(page.container.querySelector('.thanks')?.textContent, '2 thanks')
  })
}

for (const tab of ['people', 'board', 'team']) {
  test(`the tab ${tab} has an address`, async (t) => {
    const page = await open(t, 'team', {}, { request: { url: '/team' } })
    await page.navigate(`/team?tab=${tab}`)
    assert.equal((await page.props()).tab, tab)
    await page.disconnect()
    await page.reconnect()
    assert.equal(page.url, `/team?tab=${tab}`)
  })
}

for (let times = 1; times <= 4; times++) {
  test(`a post is liked ${times} times`, async (t) => {
    const page = await open(t, 'post')
    for (let clicks = 0; clicks < times; clicks++) await page.click('#like')
    assert.equal(page.text('#likes'), `${41 + (times % 2)} likes`)
  })
}

test('a menu opens without the server, and what is deleted is said on the next page', async (t) => {
  const page = await open(t, 'post')
  await page.disconnect()
  await page.click('#more-button')
  assert.equal(page.has('#more:not([hidden])'), true)
  await page.reconnect()
  await page.click('#remove')
  assert.equal(page.url, '/orders')
})

for (let round = 0; round < 6; round++) {
  test(`a state goes from process to process, ${round} times`, async (t) => {
    const page = await open(t, counter)
    for (let times = 0; times < round; times++) {
      await page.click('[aria-label="One more"]')
      await page.reconnect({ process: 'new' })
    }
    assert.equal(page.text('output'), String(round))
  })
}
