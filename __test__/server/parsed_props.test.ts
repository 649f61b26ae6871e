import { html } from 'loom-live'
import { Site } from '../support/site'

/** As in lib/call/cache.ts. */
const KEPT_MS = 10_000

/** The clock of the parsed copies is the library's only interval. */
beforeEach(() => {
  jest.useFakeTimers({
    doNotFake: [
      'Date',
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setTimeout',
      'clearTimeout',
    ],
  })
})

afterEach(() => {
  jest.useRealTimers()
})

test('parsed props are kept while a component is used, and dropped when it is not', async () => {
  const site = await Site.start()
  const returned = new WeakSet()
  const module = site.loom.register('rows', {
    props: { count: 0, parsed: 0 },
    handle: {
      add: (props) => {
        const next = { count: props.count + 1, parsed: props.parsed + (returned.has(props) ? 0 : 1) }
        returned.add(next)
        return next
      },
    },
    render: ({ count, parsed }) => html`${count} ${parsed}`,
  })
  const client = await site.live(module)
  expect(await client.shows('c0', 'add')).toBe('1 1')
  for (let count = 2; count < 6; count++) {
    jest.advanceTimersByTime(KEPT_MS)
    expect(await client.shows('c0', 'add')).toBe(`${count} 1`)
  }
  jest.advanceTimersByTime(2 * KEPT_MS)
  expect(await client.shows('c0', 'add')).toBe('6 2')
  expect(jest.getTimerCount()).toBe(1)
  jest.advanceTimersByTime(2 * KEPT_MS)
  expect(jest.getTimerCount()).toBe(0)
})

test('props that are too large to be kept drop no others', async () => {
  const site = await Site.start({ limits: { propsCacheBytes: 1000 } })
  const returned = new WeakSet()
  const module = site.loom.register('sizes', {
    props: { text: '', parsed: 0 },
    handle: {
      add: (props) => {
        const next = { ...props, parsed: props.parsed + (returned.has(props) ? 0 : 1) }
        returned.add(next)
        return next
      },
    },
    render: ({ parsed }) => html`${parsed}`,
  })
  const small = await site.live(module)
  const large = await site.live(module, { text: 'x'.repeat(1000) })
  for (let event = 1; event < 5; event++) {
    expect(await large.shows('c0', 'add')).toBe(String(event))
    if (event % 2 === 1) expect(await small.shows('c0', 'add')).toBe('1')
  }
})
