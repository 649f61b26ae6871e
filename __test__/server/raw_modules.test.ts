import type { RawModule } from 'loom-live'
import { inside, Site, testLoom } from '../support/site'

/** A template language of its own: leaves are escaped by whoever renders. */
const raw = (calls: unknown[][] = []): RawModule => ({
  handle_json(...call) {
    calls.push(call)
    const { count = 0 } = JSON.parse(call[1]) as { count?: number }
    switch (call[0]) {
      case 'later':
        return Promise.resolve(JSON.stringify({ count: count + 10 }))
      case 'throw':
        throw new Error('thrown')
      case 'reject':
        return Promise.reject(new Error('rejected'))
      case 'object':
        return { count } as unknown as string
      case 'nothing':
        return undefined as unknown as string
      case 'not json':
        return '{"count":'
      case 'tree':
        return JSON.stringify({ count, tree: call[2] })
      default:
        return JSON.stringify({ count: count + 1 })
    }
  },
  render_tree_json(propsJson) {
    const { count = 0, tree } = JSON.parse(propsJson) as { count?: number; tree?: string }
    if (tree === 'undefined') return undefined as unknown as string
    return tree ?? JSON.stringify({ s: ['<b>', '</b>'], d: [`<i>${count}</i>`] })
  },
})

async function rawSite() {
  const site = await Site.start()
  const calls: unknown[][] = []
  const module = site.loom.register('raw', raw(calls))
  return { site, calls, client: await site.live(module, { count: 1 }) }
}

test('a page is mounted, joined and clicked', async () => {
  const { site, client } = await rawSite()
  expect(inside(await site.loom.mount('raw', { count: 5 }))).toBe('<b><i>5</i></b>')
  expect(client.messages).toEqual([{ type: 'trees', id: 'c0', s: ['<b>', '</b>'], d: ['<i>1</i>'] }])
  expect(await client.event('c0', 'increment')).toEqual({ type: 'patch', id: 'c0', d: { 0: '<i>2</i>' } })
  expect(await client.shows('c0', 'later')).toBe('<b><i>12</i></b>')
})

test('the callbacks get what the reference’s get', async () => {
  const { calls, client } = await rawSite()
  await client.event('c0', 'a')
  await client.event('c0', 'b', { value: 'text', checked: true, key: 'Enter' })
  await client.event('c0', 'c', { checked: false })
  expect(calls).toEqual([
    ['a', '{"count":1}', '', '', ''],
    ['b', '{"count":2}', 'text', 'true', 'Enter'],
    ['c', '{"count":3}', '', 'false', ''],
  ])
})

test.each(['throw', 'reject', 'object', 'nothing', 'not json'])('handle_json fails: %s', async (handler) => {
  const { client, calls } = await rawSite()
  expect(await client.fails('c0', handler)).not.toBe('')
  expect(await client.shows('c0', 'increment')).toBe('<b><i>2</i></b>')
  expect(calls.at(-1)?.[1]).toBe('{"count":1}')
})

test.each([
  ['nothing', 'undefined'],
  ['not JSON', '{'],
  ['null', 'null'],
  ['a list', '[]'],
  ['no statics', '{"d":[]}'],
  ['no dynamics', '{"s":[""]}'],
  ['too few statics', '{"s":[""],"d":["x"]}'],
  ['too many statics', '{"s":["","",""],"d":["x"]}'],
  ['statics that are no strings', '{"s":[1,2],"d":["x"]}'],
  ['a number for a slot', '{"s":["",""],"d":[1]}'],
  ['null for a slot', '{"s":["",""],"d":[null]}'],
  ['a list of strings', '{"s":["",""],"d":[["x"]]}'],
  ['a bad tree inside', '{"s":["",""],"d":[{"s":[],"d":[]}]}'],
  ['endless nesting', `${'{"s":["",""],"d":['.repeat(5000)}"x"${']}'.repeat(5000)}`],
])('a malformed tree is an error: %s', async (_, tree) => {
  const { client } = await rawSite()
  expect(await client.fails('c0', 'tree', { value: tree })).not.toBe('')
  expect(client.html('c0')).toBe('<b><i>1</i></b>')
  expect(await client.shows('c0', 'increment')).toBe('<b><i>2</i></b>')
})

test('trees of every shape change as they should', async () => {
  const { client } = await rawSite()
  const leaf = (text: string) => ({ s: ['<li>', '</li>'], d: [text] })
  const shows = (tree: object) => client.shows('c0', 'tree', { value: JSON.stringify(tree) })
  expect(await shows({ s: ['', ''], d: [[leaf('a'), leaf('b')]] })).toBe('<li>a</li><li>b</li>')
  expect(await shows({ s: ['', ''], d: [[leaf('a'), leaf('c')]] })).toBe('<li>a</li><li>c</li>')
  expect(client.messages.at(-1)).toEqual({ type: 'patch', id: 'c0', d: { 0: { d: { 1: { d: { 0: 'c' } } } } } })
  expect(await shows({ s: ['', ''], d: [[]] })).toBe('')
  expect(await shows({ s: ['', ''], d: [leaf('x')] })).toBe('<li>x</li>')
  expect(await shows({ s: ['', ''], d: ['plain'] })).toBe('plain')
  expect(await shows({ s: ['none'], d: [] })).toBe('none')
})

test('a mount whose callbacks fail rejects', async () => {
  const { loom } = testLoom()
  loom.register('bad', { handle_json: () => '{}', render_tree_json: () => '{"s":[],"d":[]}' })
  await expect(loom.mount('bad')).rejects.toMatchObject({ code: 'LOOM_TEMPLATE' })
})

test('half a surrogate pair in a tree comes as U+FFFD', async () => {
  const { site, client } = await rawSite()
  const tree = JSON.stringify({ s: ['<b>', '</b>'], d: ['a\ud83d 😀 \\ud83d \ude00'] })
  const shown = '<b>a\ufffd 😀 \\ud83d \ufffd</b>'
  expect(await client.shows('c0', 'tree', { value: tree })).toBe(shown)
  expect(inside(await site.loom.mount('raw', { tree }))).toBe(shown)
})

test('it has no receivers: one that is given some is an error', () => {
  const { loom } = testLoom()
  const module = { ...raw(), receive: { arrived: () => undefined } }
  expect(() => loom.register('raw', module)).toThrow(/"receive"/)
})
