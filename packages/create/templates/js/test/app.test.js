import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openPage } from 'loom-live/testing'
import { start } from '../src/app.js'
import { counter } from '../src/counter.js'
import { loom } from '../src/loom.js'

let app
let url = ''

before(async () => {
  app = await start(0)
  url = `http://127.0.0.1:${app.port}`
})

after(() => app.close())

test('the page shows the counter', async () => {
  const response = await fetch(url)
  assert.equal(response.status, 200)
  assert.match(await response.text(), /<output>0<\/output>/)
})

test('clicks count', async () => {
  const page = await openPage(loom, counter)
  await page.click('button', { text: 'One more' })
  await page.click('button', { text: 'One more' })
  assert.equal(page.text('output'), '2')
  await page.click('button', { text: 'Reset' })
  assert.deepEqual(await page.props(), { count: 0 })
  await page.close()
})

test('the health checks answer', async () => {
  for (const path of ['/live', '/ready']) assert.equal((await fetch(url + path)).status, 200)
})
