// What development says of mistakes that would otherwise only show in a page that does nothing, or shows something odd.

/* eslint-disable no-useless-assignment, @typescript-eslint/no-unused-vars, @typescript-eslint/no-base-to-string,
   @typescript-eslint/no-meaningless-void-operator, @typescript-eslint/no-unnecessary-type-conversion,
   @typescript-eslint/no-unnecessary-template-expression, @typescript-eslint/no-extraneous-class --
   the mistakes themselves */

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { relative } from 'node:path'
import express from 'express'
import { createLoom, each, html, type LiveContext, type LiveModule, raw } from 'loom-live'
import { counter, type Log, SECRET, Site, testLoom } from '../support/site'
import { until } from '../support/until'

/** Where a call stands whose line is not of interest. */
const HERE = relative(process.cwd(), __filename).replaceAll('\\', '/')
const PLACE = new RegExp(`${HERE.replaceAll('.', '\\.')}:\\d+`)

const development = { development: true }

describe('what joins templates and promises as text', () => {
  test.each<[string, (page: Promise<string>) => unknown]>([
    ['a template literal', (page) => `<main>${page as unknown as string}</main>`],
    ['a plus', (page) => '<main>' + (page as unknown as string)],
    ['String', (page) => String(page)],
    ['join', (page) => [page].join('')],
    ['a JSON answer', (page) => JSON.stringify({ page })],
  ])('a mount without await, by %s: says where, and what to do, and stays a promise', async (_, joined) => {
    const { loom, log } = testLoom(development)
    const module = counter(loom)
    const page = loom.mount(module)
    const message = /^loom\.mount\("counter"\) \(at .*\) gave a promise.*\[object Promise\].*await loom\.mount/
    expect(() => joined(page)).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
    expect(() => joined(page)).toThrow(message)
    expect(() => joined(page)).toThrow(PLACE)
    expect(log.warnings).toHaveLength(1)
    expect(log.warnings[0]).toMatch(PLACE)
    expect(page).toBeInstanceOf(Promise)
    expect(await page).toContain('<b>0</b>')
    expect(await page.then((text) => text.length)).toBeGreaterThan(0)
  })

  test('in production a promise is what it always is', async () => {
    const { loom } = testLoom({ development: false })
    const page = loom.mount(counter(loom))
    expect(`${page as unknown as string}`).toBe('[object Promise]')
    expect(Object.getOwnPropertyNames(page)).toEqual([])
    await page
  })

  test.each<[string, () => unknown, RegExp]>([
    ['html', () => html`<i>x</i>`, /An html`…` template \(at .*\) was joined as text/],
    ['each', () => each([1], String, () => html`<i></i>`), /The result of each\(\) was joined as text/],
    ['raw', () => raw('<i>'), /The result of raw\(\) was joined as text/],
  ])('%s', (_, make, message) => {
    testLoom(development)
    const value = make() as string
    for (const joined of [
      () => `<p>${value}</p>`,
      () => value + '',
      () => [value, value].join('\n'),
      () => String(value),
    ]) {
      expect(joined).toThrow(expect.objectContaining({ code: 'LOOM_TEMPLATE' }) as Error)
      expect(joined).toThrow(message)
    }
  })

  test('a tree in a slot of another is fine, and one in a plain literal in a render names its place', async () => {
    const site = await Site.start(development)
    const rows = (join: boolean) =>
      site.loom.register(`rows ${join}`, {
        props: { rows: ['a', 'b'] },
        handle: {},
        render: ({ rows }) => {
          const items = rows.map((row) => html`<li>${row}</li>`)
          return html`<ul>${join ? items.join('') : items}</ul>`
        },
      })
    expect(await site.loom.mount(rows(false))).toContain('<ul><li>a</li><li>b</li></ul>')
    await expect(site.loom.mount(rows(true))).rejects.toThrow(PLACE)
  })
})

/** The module's answer to one event, and what was said of it. */
async function after<Props extends object>(
  module: LiveModule<Props>,
  handler: string,
  value?: string,
): Promise<{ shown: string; log: Log }> {
  const site = await Site.start(development)
  const client = await site.live(site.loom.register('page', module))
  const shown = await client.shows('c0', handler, value === undefined ? {} : { value })
  return { shown, log: site.log }
}

describe('handlers that give the wrong thing', () => {
  interface Props {
    count: number
    name: string
    rows: { id: number }[]
  }
  const props: Props = { count: 1, name: 'Ada', rows: [{ id: 1 }] }
  const render = ({ count, name, rows }: Props) => html`${count} ${name} ${rows?.length}`
  type Handlers = Record<string, (props: Props, event: { value?: string }) => Props | void | Promise<Props | void>>

  const NOTHING: Handlers = {
    arrow: (props) => {
      props = { ...props, count: props.count + 1 }
    },
    method(props) {
      props = Object.assign({}, props, { count: 2 })
    },
    'function': function (state) {
      state = { ...state, count: 2 }
    },
    later: async (props) => {
      await Promise.resolve()
      props = { ...props, count: 2 }
    },
    taken: ({ count }) => {
      count += 1
    },
    renamed: ({ count: number, ...rest }) => {
      number++
      void rest
    },
    defaulted: (props, { value = 'x' }) => {
      props = { ...props, name: value }
    },
    copied: (props) => {
      const next = { ...props }
      next.count = 2
    },
    cloned: (props) => {
      const next = structuredClone(props)
      next.rows.push({ id: 2 })
    },
    block: (props) => {
      // eslint-disable-next-line no-unused-labels, @typescript-eslint/no-unused-expressions
      count: props.count + 1
    },
  }

  test.each(Object.keys(NOTHING))('%s: new props that are not returned', async (name) => {
    const { shown, log } = await after({ props, handle: NOTHING, render }, name)
    expect(shown).toBe('1 Ada 1')
    expect(log.warnings).toHaveLength(1)
    expect(log.all).toMatch(
      new RegExp(
        `^loom-live: page \\(registered at .*\\): the handler "${name}" .*returned nothing.*Return the new props`,
      ),
    )
    expect(log.all).toMatch(PLACE)
  })

  const RIGHT: Handlers = {
    nothing: () => undefined,
    looks: (props) => {
      if (props.count === 1 || props.name >= 'A') void props.rows
    },
    changes: (props) => {
      props.count += 1
    },
    deep: ({ rows }) => {
      rows.push({ id: 2 })
    },
    saves: async (props) => {
      const row = { ...props, at: 1 }
      await Promise.resolve(row)
    },
    shadows: () => {
      const props = { count: 0 }
      props.count = 7
    },
    returns: (props) => ({ ...props, count: 2 }),
    assigns: (props) => (props = { ...props, count: 2 }),
  }

  test.each(Object.keys(RIGHT))('%s: nothing is said', async (name) => {
    const { log } = await after({ props, handle: RIGHT, render }, name)
    expect(log.all).toBe('')
  })

  test.each<[string, (props: Props) => object, string]>([
    ['one of three', ({ count }) => ({ count: count + 1 }), 'name, rows'],
    ['two of three', ({ count, name }) => ({ count, name: name.trim() }), 'rows'],
    ['later', async ({ count }) => Promise.resolve({ count, rows: [] }), 'name'],
    ['nothing of it', () => ({}), 'count, name, rows'],
  ])('a part of the props is returned: %s', async (_, handle, lost) => {
    const { log } = await after({ props, handle: { part: handle as (props: Props) => Props }, render }, 'part')
    expect(log.all).toMatch(
      new RegExp(
        `page \\(registered at .*\\): the handler "part" returned props without ${lost}, which (is|are) gone now.*\\{ \\.\\.\\.props`,
      ),
    )
  })

  test('props that only mount was given, and that are never mentioned, are missed as well', async () => {
    const site = await Site.start(development)
    const module = site.loom.register<{ a: number; b?: number }>('given', {
      handle: { part: ({ a }) => ({ a: a + 1 }) },
      render: ({ a }) => html`${a}`,
    })
    const client = await site.live(module, { a: 1, b: 2 })
    await client.event('c0', 'part')
    expect(site.log.all).toMatch(/returned props without b, which is gone now/)
  })

  test('a member that the handler takes away itself is none of our business', async () => {
    interface Search {
      query: string
      error?: string
    }
    const site = await Site.start(development)
    const module = site.loom.register<Search>('search', {
      props: { query: '' },
      handle: {
        dismiss: ({ error, ...rest }) => (void error, rest),
        clear: (props) => ({ ...props, error: undefined as unknown as string }),
      },
      render: ({ query, error }) => html`${query}${error}`,
    })
    const client = await site.live(module, { error: 'no' })
    await client.event('c0', 'dismiss')
    await client.event('c0', 'clear')
    expect(site.log.all).toBe('')
  })
})

describe('names', () => {
  const render = (tree: () => ReturnType<typeof html>) => ({
    props: { count: 0 },
    handle: { increment: () => undefined, reset: () => undefined },
    render: tree,
  })

  test.each<[string, () => ReturnType<typeof html>, string]>([
    [
      'data-l-click in double quotes',
      () => html`<button data-l-click="incremnt">x</button>`,
      'data-l-click="incremnt"',
    ],
    ['in single quotes', () => html`<button data-l-click='incremnt'>x</button>`, 'data-l-click="incremnt"'],
    ['without quotes', () => html`<button data-l-click=incremnt>x</button>`, 'data-l-click="incremnt"'],
    ['@click', () => html`<button @click="incremnt">x</button>`, '@click="incremnt"'],
    ['with modifiers', () => html`<form @submit.prevent.stop="Increment"></form>`, '@submit.prevent.stop="Increment"'],
    ['a value', () => html`<button data-l-click="${'incremnt'}">x</button>`, 'data-l-click="incremnt"'],
    ['a value of @', () => html`<button @click=${'incremnt'}>x</button>`, '@click="incremnt"'],
    ['in a nested template', () => html`<p>${html`<input data-l-input="incremnt">`}</p>`, 'data-l-input="incremnt"'],
    [
      'in a row',
      () => html`<p>${each([1], String, () => html`<input data-l-keydown="incrementt">`)}</p>`,
      'data-l-keydown="incrementt"',
    ],
    ['in a list', () => html`<p>${[html`<input data-l-blur="icnrement">`]}</p>`, 'data-l-blur="icnrement"'],
  ])('of a handler that there is not, %s: said when the page is rendered', async (_, tree, shown) => {
    const { loom, log } = testLoom(development)
    await loom.mount(loom.register('page', render(tree)))
    await loom.mount('page')
    expect(log.warnings).toHaveLength(1)
    expect(log.all).toContain(`page: ${shown} (at ${HERE}:`)
    expect(log.all).toMatch(
      /names no handler of the module; did you mean "increment"\? Its handlers are increment, reset/,
    )
  })

  test.each<[string, () => ReturnType<typeof html>, string]>([
    ['in the text', () => html`<input type="file" data-l-upload="phto">`, 'data-l-upload="phto"'],
    ['as a value', () => html`<div data-l-drop="${'phto'}"></div>`, 'data-l-drop="phto"'],
  ])('of an upload that there is not, %s', async (_, tree, shown) => {
    const { loom, log } = testLoom(development)
    const uploads = { photo: {}, paper: {} }
    const receive = { photo: () => undefined, paper: () => undefined }
    await loom.mount(loom.register('page', { ...render(tree), uploads, receive }))
    expect(log.warnings).toHaveLength(1)
    expect(log.all).toContain(`page: ${shown} (at ${HERE}:`)
    expect(log.all).toContain('names no upload of the module; did you mean "photo"? Its uploads are photo, paper')
  })

  test('of a command that is written as the name of a handler', async () => {
    const { loom, log } = testLoom(development)
    await loom.mount(
      loom.register(
        'page',
        render(() => html`<button @click="js.toggle('#menu')">x</button>`),
      ),
    )
    expect(log.all).toContain('; a command is a value: write @click=${js.toggle(…)}')
  })

  test.each<[string, () => ReturnType<typeof html>]>([
    [
      'those that are there',
      () => html`<button data-l-click="increment" @keydown=${'reset'} data-l-value="incremnt">x</button>`,
    ],
    [
      'one that comes and goes',
      () => html`<button data-l-click="${false}" data-l-input="${''}" @blur="${null}">x</button>`,
    ],
    ['one that is put together', () => html`<button data-l-click="incre${'ment'}">x</button>`],
    ['another component’s HTML', () => html`${raw('<button data-l-click="other">x</button>')}`],
    ['attributes that only look like it', () => html`<p data-l-clicks="x" title="@click">@click ="y"</p>`],
  ])('of handlers: nothing is said of %s', async (_, tree) => {
    const { loom, log } = testLoom(development)
    await loom.mount(loom.register('page', render(tree)))
    expect(log.all).toBe('')
  })

  test('an event for a handler that there is not says which there are, in the page and in the log', async () => {
    const site = await Site.start(development)
    const client = await site.live(counter(site.loom))
    expect(await client.fails('c0', 'incremnt')).toMatch(
      /the module "counter" has no handler "incremnt"; did you mean "increment"\? Its handlers are increment, show, boom \(registered at .*\)/,
    )
    expect(await client.fails('c0', 'xyzzy')).toMatch(/no handler "xyzzy"; its handlers are increment, show, boom/)
    await until('the log', () => /did you mean "increment"/.test(site.log.all))
    expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
  })

  test('one function for all handlers knows every name', async () => {
    const { loom, log } = testLoom(development)
    await loom.mount(
      loom.register('all', { props: {}, handle: () => undefined, render: () => html`<i data-l-click="any"></i>` }),
    )
    expect(log.all).toBe('')
  })

  test('methods of a class are said at once not to be handlers', async () => {
    class Base {
      reset(): void {
        /* found by nobody */
      }
    }
    class Handlers extends Base {
      own = (): void => undefined
      increment(): void {
        /* found by nobody */
      }
      get size(): number {
        return 0
      }
    }
    const site = await Site.start(development)
    const module = site.loom.register('page', {
      props: {},
      handle: new Handlers() as unknown as Record<string, () => void>,
      render: () => html``,
    })
    expect(site.log.warnings).toHaveLength(1)
    expect(site.log.all).toMatch(
      /page \(registered at .*\): handle is an instance of the class Handlers, and its methods increment, reset are not handlers.*handle: \{ increment: \(props\) => … \}/,
    )
    expect(site.log.all).toMatch(PLACE)
    const client = await site.live(module)
    expect(await client.fails('c0', 'increment')).toMatch(
      /it is a method of the class Handlers, and only own properties are handlers/,
    )
    expect(await client.shows('c0', 'own')).toBe('')
  })

  test('a class itself is no object of handlers', () => {
    class Handlers {
      static increment(): void {
        /* found by nobody */
      }
    }
    const { loom } = testLoom(development)
    expect(() =>
      loom.register('page', { props: {}, handle: Handlers as unknown as () => void, render: () => html`` }),
    ).toThrow(
      /Expected an object of handlers or a function for handle of module "page" but received the class Handlers/,
    )
  })

  test('two rows of one key: which list, and which rows', async () => {
    const { loom } = testLoom(development)
    const list = loom.register('list', {
      props: { rows: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 2 }] },
      handle: {},
      render: ({ rows }) =>
        html`<p>${'x'}</p><ul class="${'y'}">${each(
          rows,
          ({ id }) => id,
          ({ id }) => html`<li>${id}</li>`,
        )}</ul>`,
    })
    await expect(loom.mount(list)).rejects.toThrow(
      /two items with the key "2"; keys have to be unique. They are items 1 and 3 of the list of slot 3, text: `.*<ul class="\$\{…\}">\$\{3\}<\/ul>.*` \(at .*\)/,
    )
    await expect(loom.mount(list)).rejects.toThrow(PLACE)
  })
})

describe('render', () => {
  test.each<[string, unknown]>([
    ['the context', (_: object, ctx: object) => html`${ctx}`],
    ['the event and the context', (_: object, event: object, ctx: object) => html`${event}${ctx}`],
  ])('that would get %s, too', (_, render) => {
    const { loom, log } = testLoom(development)
    loom.register('page', { props: {}, handle: {}, render } as LiveModule<object>)
    expect(log.warnings).toHaveLength(1)
    expect(log.all).toMatch(/page \(registered at .*\): render gets the props and nothing else, .* in connected/)
  })

  test('that has a parameter of its own with a value is right', () => {
    const { loom, log } = testLoom(development)
    loom.register('page', { props: {}, handle: {}, render: (_, size = 2) => html`${size}` })
    loom.register('other', { props: {}, handle: {}, render: () => html`a` })
    expect(log.all).toBe('')
  })
})

describe('mount', () => {
  const module: LiveModule<{ count: number }> = {
    props: { count: 0 },
    handle: {},
    render: ({ count }) => html`${count}`,
  }

  test.each([[{ shared: '7' }], [{ as: 'tbody' }]])('that is given its options as props: %j', async (options) => {
    const { loom, log } = testLoom(development)
    await loom.mount(loom.register('page', module), options as object)
    const [name = ''] = Object.keys(options)
    expect(log.warnings).toHaveLength(1)
    expect(log.all).toContain(
      `the mount of module "page" was given the prop ${name}, but its props have no ${name}. This is the name of an option, ` +
        `and options are the third argument, as in mount(module, {}, { ${name} })`,
    )
  })

  test('that is given the request as a prop, which is no JSON', async () => {
    const { loom, log } = testLoom(development)
    const request = new IncomingMessage(new Socket())
    await expect(loom.mount(loom.register('page', module), { request } as object)).rejects.toThrow(/"request"/)
    expect(log.all).toContain('options are the third argument, as in mount(module, {}, { request })')
  })

  test('nothing is said of a prop that the module has, and of one in a module without props', async () => {
    const { loom, log } = testLoom(development)
    const own = { props: { shared: '' }, handle: {}, render: () => html`a` }
    await loom.mount(loom.register('own', own), { shared: '7' })
    await loom.mount(loom.register<{ shared: string }>('none', { handle: {}, render: () => html`a` }), { shared: '7' })
    expect(log.all).toBe('')
  })

  test('that is to be attached to an application instead of a server', () => {
    const { loom } = testLoom()
    for (const app of [express(), {}])
      expect(() => loom.attach(app as never)).toThrow(
        'Expected an HTTP or HTTPS server, as app.listen(3000) of Express gives (with Fastify register loom.fastify instead), for server but received',
      )
  })

  test('of a list without a key', async () => {
    const { loom } = testLoom()
    const list = loom.register('list', {
      ...module,
      render: () => html`${(each as unknown as (items: number[], row: () => unknown) => never)([1], () => html`1`)}`,
    })
    await expect(loom.mount(list)).rejects.toThrow('Expected a function for the row of each(items, key, row)')
  })

  test('of what is no registered module', async () => {
    const { loom } = testLoom()
    await expect(loom.mount('board')).rejects.toThrow(
      /but received "board" of type string; this loom has no modules: import the file that registers it, with this loom and no other$/,
    )
    loom.register('board', module)
    await expect(loom.mount('bord')).rejects.toThrow(/but received "bord" of type string; did you mean "board"\?/)
    await expect(loom.mount('chart')).rejects.toThrow(
      /but received "chart" of type string; the modules of this loom are board$/,
    )
    await expect(loom.mount(module as never)).rejects.toThrow(
      /^Expected a registered module, which is what loom.register gives, or its name for module but received a value of type object$/,
    )
  })
})

describe('modules with receivers', () => {
  interface Props {
    count: number
    rows: number[]
  }
  const props: Props = { count: 0, rows: [] }

  async function pageOf(parts: Partial<LiveModule<Props>>, options = development) {
    const site = await Site.start(options)
    const module = site.loom.register<Props>('page', {
      props,
      handle: {},
      render: ({ count, rows }) => html`<b>${count}</b>${rows?.length}`,
      ...parts,
    })
    return { site, client: await site.live(module) }
  }

  test.each<[string, (props: Props) => void]>([
    ['a number', (props) => void props.count++],
    ['a list', ({ rows }) => void rows.push(1)],
    ['a member that is taken away', (props) => void delete (props as Partial<Props>).count],
  ])('a handler changes frozen props: %s', async (_, change) => {
    const { site, client } = await pageOf({ handle: { change }, receive: { never: () => undefined } })
    expect(await client.fails('c0', 'change')).toMatch(
      /; the props of a module with receivers, and the data of messages, are frozen: return new props, as in \{ \.\.\.props, count: 1 \}$/,
    )
    await until('the log', () => /are frozen: return new props/.test(site.log.all))
  })

  test('a receiver changes frozen props, or what it was sent', async () => {
    const { site } = await pageOf({
      connected(_, ctx) {
        ctx.after('props', 0)
        ctx.after('data', 0, { seen: false })
      },
      receive: {
        props: (props) => void (props as Props).count++,
        data: (_, { data }) => void ((data as { seen: boolean }).seen = true),
      },
    })
    await until('both', () => site.log.errors.length === 2)
    for (const error of site.log.errors) expect(error).toMatch(/are frozen: return new props/)
  })

  test('an error of another kind is told as it is', async () => {
    const { client } = await pageOf({
      handle: {
        change() {
          throw new TypeError('rows is not iterable')
        },
      },
      receive: { never: () => undefined },
    })
    expect(await client.fails('c0', 'change')).toMatch(/rows is not iterable$/)
  })

  test('a receiver returns a part of the props', async () => {
    const { site } = await pageOf({
      connected(_, ctx) {
        ctx.after('tick', 0)
      },
      receive: { tick: () => ({ count: 1 }) as Props },
    })
    await until('a warning', () => site.log.warnings.length > 0)
    expect(site.log.all).toMatch(
      /page \(registered at .*\): the receiver "tick" returned props without rows, which is gone now.*\{ \.\.\.props, count \}/,
    )
  })

  test('an effect that names a receiver, in a module without any', async () => {
    const { client } = await pageOf({
      handle: {
        change(_, __, ctx) {
          ctx.after('rang', 1_000)
        },
      },
    })
    expect(await client.fails('c0', 'change')).toMatch(
      /ctx\.after names the receiver "rang", which module "page" does not have; it has no receivers: write it beside handle, as in receive: \{ rang: \(props, message\) => \(\{ …props \}\) \}$/,
    )
  })

  test('a receiver that a browser names as a handler', async () => {
    const { client } = await pageOf({ receive: { tick: () => undefined } })
    expect(await client.fails('c0', 'tick')).toMatch(
      /no handler "tick"; it is a receiver, which no browser can call: write a handler, too/,
    )
  })

  test('a message for a receiver that there is not says which there are', async () => {
    const { site, client } = await pageOf({
      handle: { go: (props, _, ctx) => (ctx.send(ctx.self, 'tik', 1), props) },
      receive: { tick: () => undefined },
    })
    await client.event('c0', 'go')
    await until('the log', () => /has no receiver "tik"; did you mean "tick"\?/.test(site.log.all))
  })

  test('a receiver that is no name', async () => {
    const { client } = await pageOf({
      handle: { go: (props, _, ctx) => (ctx.every((() => props) as unknown as string, 50), props) },
      receive: { tick: () => undefined },
    })
    expect(await client.fails('c0', 'go')).toMatch(
      /Expected the name of a receiver, a member of receive, for the receiver of ctx\.every but received a value of type function/,
    )
  })

  test('what is asked for after the step says where it can be asked for', async () => {
    const contexts: LiveContext[] = []
    const { client } = await pageOf({
      handle: { go: (props, _, ctx) => (contexts.push(ctx), props) },
      receive: { tick: () => undefined },
    })
    await client.event('c0', 'go')
    expect(() => contexts[0]?.publish('topic', 1)).toThrow(/call loom\.publish, which works anywhere$/)
    expect(() => contexts[0]?.send('address', 'tick')).toThrow(/call loom\.send, which works anywhere$/)
    expect(() => contexts[0]?.push('toast')).toThrow(
      /call it in a receiver: tasks and timers \(ctx\.task, ctx\.every, ctx\.after\) send to one$/,
    )
  })
})

describe('props that are no JSON', () => {
  test.each<[unknown, RegExp]>([
    [new Date(0), /gave an instance of Date at "at"; store date\.toISOString\(\) or the number date\.getTime\(\)$/],
    [new Map(), /an instance of Map at "at"; store \[\.\.\.map\]/],
    [new Set(), /an instance of Set at "at"; store \[\.\.\.set\]/],
    [1n, /bigint at "at"; store String\(value\) or Number\(value\)$/],
    [NaN, /NaN at "at"; store null or a number that is finite$/],
    [() => 1, /function at "at"; call it/],
    [Promise.resolve(1), /an instance of Promise at "at"; await the promise first$/],
    [
      html`<p></p>`,
      /an instance of Tree at "at"; store the data that the template shows, and make the template in render$/,
    ],
    [
      new (class Point {
        x = 1
      })(),
      /an instance of Point at "at"; store a plain object/,
    ],
    [[1, undefined], /undefined at "at\[1\]"; store null in a list/],
    [{ at: new Date(0) }, /an instance of Date at "at\.at"; store date/],
  ])('%p: the path is quoted, and what to store instead is said', async (at, message) => {
    const { loom } = testLoom(development)
    const module = loom.register('dated', { props: { at: 0 as unknown }, handle: {}, render: () => html`` })
    await expect(loom.mount(module, { at })).rejects.toThrow(message)
    expect(() => loom.register('other', { props: { at }, handle: {}, render: () => html`` })).toThrow(message)
    const site = await Site.start(development)
    const client = await site.live(
      site.loom.register('event', {
        props: { at: 0 as unknown },
        handle: { set: () => ({ at }) },
        render: () => html``,
      }),
    )
    expect(await client.fails('c0', 'set')).toMatch(message)
  })
})

test('the default logger is the console', async () => {
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined)
  const loom = createLoom({ secret: SECRET, development: true })
  await loom.mount(loom.register('page', { props: {}, handle: {}, render: () => html`<i data-l-click="gone"></i>` }))
  expect(warn).toHaveBeenCalledTimes(1)
  warn.mockRestore()
  await loom.close()
})

test('a template that cannot be made safe says where it stands', async () => {
  const { loom } = testLoom(development)
  const module = loom.register('page', { props: {}, handle: {}, render: () => html`<p class=${'x'}></p>` })
  await expect(loom.mount(module)).rejects.toThrow(PLACE)
})
