import { html, type LiveEvent } from 'loom-live'
import { counter, Site } from '../support/site'
import { Gate } from '../support/until'

test('also when nothing changes: with an empty patch', async () => {
  const site = await Site.start()
  const client = await site.live(counter(site.loom))
  expect(await client.event('c0', 'show')).toEqual({ type: 'patch', id: 'c0', d: {} })
  expect(await client.event('c0', 'increment')).toEqual({ type: 'patch', id: 'c0', d: { 0: '1' } })
  expect(await client.event('c0', 'show')).toEqual({ type: 'patch', id: 'c0', d: {} })
})

test('when the root has other statics: with trees, and then with an empty patch', async () => {
  const site = await Site.start()
  const pages = site.loom.register('pages', {
    props: { page: 'one' },
    handle: { go: (_, { value = '' }) => ({ page: value }) },
    render: ({ page }) => (page === 'one' ? html`<h1>${page}</h1>` : html`<h2>${page}</h2>`),
  })
  const client = await site.live(pages)
  expect(await client.event('c0', 'go', { value: 'two' })).toEqual({ type: 'patch', id: 'c0', d: {} })
  expect(client.messages.slice(-2)).toEqual([
    { type: 'trees', id: 'c0', s: ['<h2>', '</h2>'], d: ['two'] },
    { type: 'patch', id: 'c0', d: {} },
  ])
  expect(await client.shows('c0', 'go', { value: 'three' })).toBe('<h2>three</h2>')
  expect(client.messages.at(-1)).toEqual({ type: 'patch', id: 'c0', d: { 0: 'three' } })
})

test('a join with the whole tree, also an empty one', async () => {
  const site = await Site.start()
  const empty = site.loom.register('empty', { props: {}, handle: {}, render: () => html`` })
  const client = await site.connect()
  expect(await client.join('c0', 'empty', await site.token(empty))).toEqual({ type: 'trees', id: 'c0', s: [''], d: [] })
})

test('lists, subtrees and leaves change as the protocol says', async () => {
  const site = await Site.start()
  interface Props {
    title: string
    rows: { id: number; text: string; done: boolean }[]
    note: string
  }
  const list = site.loom.register<Props>('list', {
    props: { title: 'list', rows: [], note: '' },
    handle: (_, { value = '' }) => JSON.parse(value) as Props,
    render: ({ title, rows, note }) =>
      html`<h1>${title}</h1><ul>${rows.map((row) =>
        row.done ? html`<li class="done">${row.text}</li>` : html`<li>${row.id}: ${row.text}</li>`,
      )}</ul>${note === '' ? null : html`<p>${note}</p>`}`,
  })
  const client = await site.live(list)
  const change = async (props: Props): Promise<unknown> => {
    const answer = await client.event('c0', 'set', { value: JSON.stringify(props) })
    const page = await site.loom.mount(list, props)
    expect(page).toContain(`>${client.html('c0')}</div>`)
    return answer.type === 'patch' ? answer.d : answer
  }
  const a = { id: 1, text: 'a', done: false }
  const b = { id: 2, text: 'b', done: false }
  const item = (id: number, text: string) => ({ s: ['<li>', ': ', '</li>'], d: [String(id), text] })
  expect(await change({ title: 'list', rows: [a, b], note: '' })).toEqual({ 1: [item(1, 'a'), item(2, 'b')] })
  expect(await change({ title: 'list', rows: [a, { ...b, text: 'c' }], note: '' })).toEqual({
    1: { d: { 1: { d: { 1: 'c' } } } },
  })
  expect(await change({ title: 'list', rows: [{ ...a, done: true }, b], note: '' })).toEqual({
    1: { d: { 0: { s: ['<li class="done">', '</li>'], d: ['a'] }, 1: { d: { 1: 'b' } } } },
  })
  expect(await change({ title: '<new>', rows: [b], note: 'n' })).toEqual({
    0: '&lt;new&gt;',
    1: [item(2, 'b')],
    2: { s: ['<p>', '</p>'], d: ['n'] },
  })
  expect(await change({ title: '<new>', rows: [b], note: 'm' })).toEqual({ 2: { d: { 0: 'm' } } })
  expect(await change({ title: '<new>', rows: [], note: '' })).toEqual({ 1: [], 2: '' })
})

test('what happened in the browser reaches the handler', async () => {
  const site = await Site.start()
  const events: LiveEvent[] = []
  const recorder = site.loom.register('recorder', {
    props: {},
    handle: (_, event) => void events.push(event),
    render: () => html`<p></p>`,
  })
  const client = await site.live(recorder)
  await client.event('c0', 'go')
  await client.event('c0', 'type', { value: 'é"\\\u2028</script>\0' }, 'input')
  await client.event('c0', 'check', { checked: false, value: '' }, 'change')
  await client.event('c0', 'press', { key: 'Enter' }, 'keydown')
  await client.event('c0', 'save', { value: 'a=1&b=x+y%26&a=2&empty=' }, 'submit')
  const ids = events.map(({ id }) => id)
  expect(ids.map((id) => /^[\w-]{22}-(\d)$/.exec(id)?.[1])).toEqual(['1', '2', '3', '4', '5'])
  expect(events.map((event) => ({ ...event, id: undefined }))).toEqual([
    { handler: 'go', type: 'click' },
    { handler: 'type', type: 'input', value: 'é"\\\u2028</script>\0' },
    { handler: 'check', type: 'change', value: '', checked: false },
    { handler: 'press', type: 'keydown', key: 'Enter' },
    {
      handler: 'save',
      type: 'submit',
      value: 'a=1&b=x+y%26&a=2&empty=',
      form: { a: ['1', '2'], b: 'x y&', empty: '' },
    },
  ])
})

test('a field named __proto__ is a field like others, and changes no prototype', async () => {
  const site = await Site.start()
  const forms: NonNullable<LiveEvent['form']>[] = []
  const form = site.loom.register('form', {
    props: {},
    handle: { save: (_, { form }) => void forms.push(form ?? {}) },
    render: () => html`<p></p>`,
  })
  const client = await site.live(form)
  await client.event('c0', 'save', { value: '__proto__=x&constructor=y&a=1' }, 'submit')
  await client.event('c0', 'save', { value: 'a=1' }, 'submit')
  expect(forms.map((fields) => Object.entries(fields))).toEqual([
    [
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['a', '1'],
    ],
    [['a', '1']],
  ])
  for (const fields of forms) {
    expect(Object.getPrototypeOf(fields)).toBeNull()
    expect(['__proto__', 'constructor', 'toString'].filter((name) => name in fields)).toEqual(
      ['__proto__', 'constructor'].filter((name) => Object.hasOwn(fields, name)),
    )
  }
  expect(({} as Record<string, unknown>)['x']).toBeUndefined()
})

describe('a form', () => {
  const fields = (count: number): string => Array.from({ length: count }, (_, field) => `f${field}=${field}`).join('&')

  async function posting(formFields?: number, development = true) {
    const site = await Site.start({ limits: { formFields }, development })
    const sizes: number[] = []
    const save = (_: unknown, { form }: LiveEvent): void => void sizes.push(Object.keys(form ?? {}).length)
    const form = site.loom.register('form', { props: {}, handle: { save }, render: () => html`<p></p>` })
    const client = await site.live(form)
    return { site, client, sizes }
  }

  test('with as many names as are allowed arrives, and one more is an error that says so', async () => {
    const { client, sizes } = await posting()
    expect(await client.event('c0', 'save', { value: fields(1000) }, 'submit')).toMatchObject({ type: 'patch' })
    expect(await client.event('c0', 'save', { value: fields(1001) }, 'submit')).toMatchObject({
      type: 'error',
      error: 'the form has more than 1000 fields (limits.formFields); the event was not handled',
    })
    // A name may have any number of values.
    expect(await client.event('c0', 'save', { value: 'a=1&'.repeat(5000) }, 'submit')).toMatchObject({ type: 'patch' })
    expect(sizes).toEqual([1000, 1])
  })

  test('may have more names if the application says so', async () => {
    const { client, sizes } = await posting(40_000)
    expect(await client.event('c0', 'save', { value: fields(40_000) }, 'submit')).toMatchObject({ type: 'patch' })
    expect(sizes).toEqual([40_000])
  })

  test('of a handler that is unknown is not even looked at', async () => {
    const { site, client } = await posting(1000, false)
    expect(await client.event('c0', 'nobody', { value: fields(1001) }, 'submit')).toMatchObject({
      type: 'error',
      error: 'The server could not handle this.',
    })
    expect(await client.event('c0', 'save', { value: fields(1001) }, 'submit')).toMatchObject({
      type: 'error',
      error: 'The form has too many fields.',
    })
    expect(site.loom.stats().callsInFlight).toBe(0)
  })
})

test('events of many components that are answered out of order are matched by component', async () => {
  const site = await Site.start()
  const gates: Gate<number>[] = []
  const waiting = site.loom.register('waiting', {
    props: { count: 0 },
    handle: {
      wait: async () => {
        const gate = new Gate<number>()
        gates.push(gate)
        return { count: await gate.promise }
      },
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  const client = await site.connect()
  const token = await site.token(waiting)
  const ids = Array.from({ length: 20 }, (_, index) => `c${index}`)
  for (const id of ids) await client.joined(id, 'waiting', token)
  const answers: string[] = []
  const events = []
  for (const id of ids) {
    const asked = gates.length
    events.push(client.event(id, 'wait').then(() => answers.push(id)))
    while (gates.length === asked) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const [index, gate] of [...gates.entries()].reverse()) {
    gate.open(index)
    await events[index]
  }
  expect(answers).toEqual([...ids].reverse())
  expect(ids.map((id) => client.html(id))).toEqual(ids.map((_, index) => `<b>${index}</b>`))
})

test('a handler that sends the page elsewhere is answered as well', async () => {
  const site = await Site.start()
  const login = site.loom.register('login', {
    props: { done: false },
    handle: {
      go(_, { value = '' }, ctx) {
        ctx.redirect(value)
        return { done: true }
      },
    },
    render: ({ done }) => html`<b>${done}</b>`,
  })
  const client = await site.live(login)
  for (const value of ['/home', 'https://example.org/x?y#z', 'relative', '?q', '//example.org/']) {
    expect(await client.event('c0', 'go', { value })).toMatchObject({ type: 'patch' })
    await client.event('c0', 'go', { value: '/after' })
    expect(client.messages).toContainEqual({ type: 'redirect', url: value })
  }
  for (const value of [
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'data:text/html,x',
    'ftp://x/',
    'http://[',
    '',
  ]) {
    expect(await client.fails('c0', 'go', { value })).toContain('redirect')
    expect(client.messages).not.toContainEqual({ type: 'redirect', url: value })
  }
})

test('a handler that resolves a thenable twice is answered once', async () => {
  const site = await Site.start()
  const twice = site.loom.register('twice', {
    props: { count: 0 },
    handle: {
      go: ({ count }) =>
        ({
          then(resolve: (props: { count: number }) => void) {
            resolve({ count: count + 1 })
            resolve({ count: count + 100 })
          },
        }) as Promise<{ count: number }>,
      show: () => undefined,
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  const client = await site.live(twice)
  expect(await client.shows('c0', 'go')).toBe('<b>1</b>')
  expect(await client.shows('c0', 'show')).toBe('<b>1</b>')
  expect(await client.shows('c0', 'go')).toBe('<b>2</b>')
  expect(client.unexpected).toEqual([])
})

test('text that is cut within a character spoils nothing around it', async () => {
  const site = await Site.start()
  const preview = site.loom.register('preview', {
    props: { text: '' },
    handle: { set: (_, { value = '' }) => ({ text: value }) },
    render: ({ text }) => html`<b>${text.slice(0, 1)}</b><i>${text.slice(1)}</i>`,
  })
  const client = await site.live(preview)
  const answer = await client.event('c0', 'set', { value: '😀' })
  expect(answer.type).toBe('patch')
  expect(client.html('c0')).toBe('<b>\ufffd</b><i>\ufffd</i>')
})

test('text that is cut within a character spoils no other component of the batch', async () => {
  const site = await Site.start()
  const head = site.loom.register('head', { props: { text: '😀' }, handle: {}, render: ({ text }) => html`${text[0]}` })
  const tail = site.loom.register('tail', { props: { text: '😀' }, handle: {}, render: ({ text }) => html`${text[1]}` })
  const plain = counter(site.loom)
  const [first, second, third] = [await site.token(head), await site.token(tail), await site.token(plain)]
  const client = await site.connect()
  await Promise.all([
    client.joined('c0', 'head', first),
    client.joined('c1', 'tail', second),
    client.joined('c2', 'counter', third),
  ])
  expect(client.html('c2')).toBe('<b>0</b>')
})
