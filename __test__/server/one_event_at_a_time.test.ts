import { html } from 'loom-live'
import { counter, Site } from '../support/site'
import { Gate, turn, until } from '../support/until'

interface Notes {
  text: string
}

async function notesSite() {
  const site = await Site.start()
  const running: string[] = []
  const gates = new Map<string, Gate>()
  const notes = site.loom.register('notes', {
    props: { text: '' } as Notes,
    handle: {
      // Overlapping calls would both see the text without the other's letter.
      async slow({ text }, { value = '' }) {
        running.push(value)
        const gate = new Gate()
        gates.set(value, gate)
        await gate.promise
        return { text: text + value }
      },
      async turns({ text }, { value = '' }) {
        running.push(`${value} begins`)
        for (let left = text.length % 3; left >= 0; left--) await turn()
        running.push(`${value} ends`)
        return { text: text + value }
      },
      fast: ({ text }, { value = '' }) => ({ text: text + value }),
    },
    render: ({ text }) => html`<p>${text}</p>`,
  })
  return { site, notes, running, gates }
}

test('two clicks at once do not race across the awaits of their handlers', async () => {
  const { site, notes, running } = await notesSite()
  const client = await site.live(notes)
  const letters = 'abcdefgh'.split('')
  await Promise.all(letters.map((value) => client.event('c0', 'turns', { value })))
  expect(client.html('c0')).toBe('<p>abcdefgh</p>')
  expect(running).toEqual(letters.flatMap((letter) => [`${letter} begins`, `${letter} ends`]))
})

test('a fast event does not overtake a slow one', async () => {
  const { site, notes, running, gates } = await notesSite()
  const client = await site.live(notes)
  const answered: string[] = []
  const events = [
    client.event('c0', 'slow', { value: 'a' }).then(() => answered.push('slow')),
    client.event('c0', 'fast', { value: 'b' }).then(() => answered.push('fast')),
    client.event('c0', 'unknown').then(() => answered.push('unknown')),
    client.event('c0', 'slow', { value: 'c' }).then(() => answered.push('slow again')),
  ]
  const first = await until('the first handler to run', () => gates.get('a'))
  await until('the other events to wait', () => site.loom.stats().queuedEvents === 3)
  expect(running).toEqual(['a'])
  first.open()
  const last = await until('the last handler to run', () => gates.get('c'))
  expect(client.html('c0')).toBe('<p>ab</p>')
  last.open()
  await Promise.all(events)
  expect(answered).toEqual(['slow', 'fast', 'unknown', 'slow again'])
  expect(client.html('c0')).toBe('<p>abc</p>')
})

test('a slow handler holds up no other component, on its connection or another', async () => {
  const { site, notes, gates } = await notesSite()
  const client = await site.live(notes)
  const other = await site.live(notes)
  await client.joined('c1', 'notes', await site.token(notes))
  const slow = client.event('c0', 'slow', { value: 'a' })
  const gate = await until('the handler to run', () => gates.get('a'))
  expect(await client.shows('c1', 'fast', { value: 'x' })).toBe('<p>x</p>')
  expect(await other.shows('c0', 'turns', { value: 'y' })).toBe('<p>y</p>')
  expect(client.html('c0')).toBe('<p></p>')
  gate.open()
  await slow
  expect(client.html('c0')).toBe('<p>a</p>')
})

test('each component has a state of its own, and the token gives only the first', async () => {
  const site = await Site.start()
  const module = counter(site.loom)
  const token = await site.token(module, { count: 10 })
  const client = await site.connect()
  const ids = ['c0', 'c1', 'c2']
  for (const id of ids) expect(await client.joined(id, 'counter', token)).toBe('<b>10</b>')
  await Promise.all(ids.flatMap((id, index) => Array.from({ length: index + 1 }, () => client.event(id, 'increment'))))
  expect(ids.map((id) => client.html(id))).toEqual(['<b>11</b>', '<b>12</b>', '<b>13</b>'])
})

test('a thousand events of one component are applied once each', async () => {
  const site = await Site.start({ limits: { queuedEvents: 1000, eventBurst: 1000 } })
  const client = await site.live(counter(site.loom))
  const answers = await Promise.all(Array.from({ length: 1000 }, () => client.event('c0', 'increment')))
  expect(answers.every(({ type }) => type === 'patch')).toBe(true)
  expect(client.html('c0')).toBe('<b>1000</b>')
  expect(client.unexpected).toEqual([])
})
