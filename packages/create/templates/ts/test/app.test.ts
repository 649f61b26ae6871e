import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { start } from '../src/app.js'
import { openPage } from './live.js'

let app: Awaited<ReturnType<typeof start>>
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
  const { click, close } = await openPage(url)
  assert.match(await click('increment'), /"1"/)
  assert.match(await click('increment'), /"2"/)
  assert.match(await click('reset'), /"0"/)
  close()
})

test('the health checks answer', async () => {
  for (const path of ['/live', '/ready']) assert.equal((await fetch(url + path)).status, 200)
})
