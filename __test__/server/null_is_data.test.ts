/** `null` is data: a receiver gets it as such, wherever it is from, also after a revival. What is left out is not. */

import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { startPage } from '../support/pages'
import { inRedis } from '../support/redis'
import { allCheckpointed, sqlite, twoProcesses } from '../support/two_processes'
import { Gate, until } from '../support/until'

type Got = [name: string, data: unknown]

/** A receiver for each of these names; what comes is kept in `got`. */
const receivers = (names: readonly string[], got: Got[]) =>
  Object.fromEntries(
    names.map((name) => [
      name,
      ({ count }: Readonly<{ count: number }>, { data }: Message) => {
        got.push([name, data])
        return { count: count + 1 }
      },
    ]),
  )

/** What the first person in a topic is tracked with. */
const metasIn = async (loom: Loom, topic: string): Promise<readonly unknown[] | undefined> =>
  (await loom.presence(topic)).present?.[0]?.metas

const sorted = (got: readonly Got[]): Got[] => [...got].sort(([a], [b]) => (a < b ? -1 : 1))

test('null is null in whatever a receiver or a page gets, and what is left out is null or nothing as it is documented', async () => {
  const got: Got[] = []
  const metas: unknown[] = []
  const names = ['afterNull', 'afterNothing', 'sentNull', 'sentNothing', 'toldNull', 'toldNothing']
  const tasks = ['value', 'end', 'promise', 'nothing']
  let address = ''
  const { site, page } = await startPage((loom) =>
    loom.register('all', {
      props: { count: 0 },
      async connected(_, ctx) {
        address = ctx.self
        await ctx.subscribe('null', 'toldNull')
        await ctx.subscribe('nothing', 'toldNothing')
        ctx.track('room', null, { key: 'null' })
        ctx.track('hall', undefined, { key: 'nothing' })
      },
      handle: {
        ask({ count }, _, ctx) {
          ctx.after('afterNull', 0, null)
          ctx.after('afterNothing', 0)
          ctx.send(address, 'sentNull', null)
          ctx.send(address, 'sentNothing')
          ctx.publish('null', null)
          ctx.publish('nothing')
          ctx.task('value', function* () {
            yield null
          })
          // eslint-disable-next-line require-yield
          ctx.task('end', function* () {
            return null
          })
          ctx.task('promise', () => Promise.resolve(null))
          ctx.task('nothing', () => Promise.resolve())
          ctx.push('null', null)
          ctx.push('nothing')
          return { count }
        },
      },
      receive: receivers([...names, ...tasks], got),
      render: ({ count }) => html`${count}`,
    }),
  )
  page.event('ask')
  await until('all of the step', () => got.length === 11)
  await site.loom.publish('null', null)
  await site.loom.publish('nothing')
  await site.loom.send(address, 'sentNull', null)
  await site.loom.send(address, 'sentNothing')
  await until('all from elsewhere', () => got.length === 15)
  expect(sorted(got)).toEqual([
    ['afterNothing', undefined],
    ['afterNull', null],
    ['end', null],
    ['nothing', undefined],
    ['promise', null],
    ['sentNothing', null],
    ['sentNothing', null],
    ['sentNull', null],
    ['sentNull', null],
    ['toldNothing', null],
    ['toldNothing', null],
    ['toldNull', null],
    ['toldNull', null],
    ['value', null],
    // The generator has returned nothing.
    ['value', undefined],
  ])
  await until('the pushes', () => page.pushes.length === 2)
  expect(page.pushes).toEqual([
    ['null', null],
    ['nothing', null],
  ])
  for (const topic of ['room', 'hall']) {
    metas.push(await until('the presence', () => metasIn(site.loom, topic)))
  }
  expect(metas).toEqual([[null], [null]])
})

test.each([['from a checkpoint', (): LoomOptions => ({})], ['from a store', sqlite], ...inRedis()])(
  'a state that is revived (%s) tells null from nothing, too',
  async (_, options) => {
    const got: Got[] = []
    // In the first process a message that is never handled keeps the timers' messages waiting.
    const held = new Gate()
    atEnd(() => {
      held.open()
    })
    let isHolding = false
    let processes = 0
    const { second, page, moves } = await twoProcesses(
      (loom) => {
        const isFirst = processes++ === 0
        return loom.register('rings', {
          props: { count: 0 },
          connected(_, ctx) {
            if (!ctx.revived) ctx.track('room', null, { key: 'null' })
          },
          handle: {
            begin({ count }, _, ctx) {
              ctx.after('hold', 0)
              ctx.after('afterNull', 1, null)
              ctx.after('afterNothing', 1)
              return { count: count + 1 }
            },
          },
          receive: {
            ...receivers(['afterNull', 'afterNothing'], isFirst ? [] : got),
            async hold(props) {
              if (!isFirst) return props
              isHolding = true
              await held.promise
              throw new Error('the process is gone')
            },
          },
          render: ({ count }) => html`${count}`,
        })
      },
      await options(),
    )
    page.event('begin')
    await until('the first process to be busy', () => isHolding)
    await allCheckpointed(page)
    await moves()
    await until('the timers to ring in the second process', () => got.length === 2)
    expect(sorted(got)).toEqual([
      ['afterNothing', undefined],
      ['afterNull', null],
    ])
    expect(await until('the presence', () => metasIn(second.loom, 'room'))).toEqual([null])
  },
)
