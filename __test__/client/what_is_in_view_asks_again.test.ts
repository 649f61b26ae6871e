/** `@visible`: an event that was for nothing is made again, as long as somebody looks. */

import { Harness, sendJoin, tree, type Live } from './harness'
import { clientBundle } from './fake_server'

const harness = new Harness()

beforeAll(() => {
  clientBundle('bindings')
  clientBundle('visible')
}, 60_000)

const content = tree(['<p data-l-on-visible="more" style="display:none">', '</p>'], 'a')
const SHOW = { handler: 'more', event: 'visible' }

/** The element has come into view, and its event is under way. */
async function inView(): Promise<Live> {
  const live = await harness.live(content)
  await live.page.evaluate(() => {
    ;(document.querySelector('p') as HTMLElement).style.display = ''
  })
  expect(await live.event()).toMatchObject({ ...SHOW, number: 1 })
  return live
}

test('an event that waited too long is made again', async () => {
  const live = await inView()
  live.wire.send(['e', live.id, 1, 'This came too late', 1])
  expect(await live.event()).toMatchObject({ ...SHOW, number: 2 })
})

test('so is one of a state that is gone', async () => {
  const live = await inView()
  live.wire.drop()
  live.wire = await harness.server.speaking()
  live.id = (await live.wire.next('join')).id
  sendJoin(live.wire, live.id, content, 0, 0, 1)
  expect(await live.event()).toMatchObject(SHOW)
})
