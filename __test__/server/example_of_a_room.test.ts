/** The example of a room, as an application writes it: a database, a model that streams, jobs, several pages. */

import { html, type Loom } from 'loom-live'
import { pageOf } from '../support/pages'
import { Site } from '../support/site'
import { checkpointed, twoProcesses } from '../support/two_processes'
import { until } from '../support/until'

interface Said {
  id: string
  text: string
}

/** What outlives a process. */
class Database {
  readonly rows: Said[] = []

  insert(row: Said): void {
    if (!this.rows.some(({ id }) => id === row.id)) this.rows.push(row)
  }

  latest(): Said[] {
    return this.rows.slice(-50)
  }
}

async function* answerTo(question: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const word of `You asked ${question}`.split(' ')) {
    await Promise.resolve()
    if (signal.aborted) return
    yield `${word} `
  }
}

const roomWith =
  (db: Database) =>
  (loom: Loom): { name: string } =>
    loom.register('room', {
      props: { room: '7', messages: [] as Said[], answer: '', ticks: 0 },
      async connected(props, ctx) {
        await ctx.subscribe(`room:${props.room}`, 'arrived')
        ctx.track(`room:${props.room}`, { tab: ctx.id })
        ctx.every('clock', 50)
        if (!ctx.revived) return { messages: db.latest() }
      },
      handle: {
        say(props, event, ctx) {
          const message = { id: event.id, text: event.value ?? '' }
          db.insert(message)
          ctx.publish(`room:${props.room}`, message)
        },
        ask: (_, event, ctx) => {
          ctx.task('token', (signal) => answerTo(event.value ?? '', signal))
        },
      },
      receive: {
        arrived(props, { data, gap }) {
          if (gap) return { ...props, messages: db.latest() }
          const message = data as Said
          if (props.messages.some(({ id }) => id === message.id)) return props
          return { ...props, messages: [...props.messages, message] }
        },
        token: (props, { data, done }) => (done ? props : { ...props, answer: props.answer + String(data) }),
        clock: (props) => ({ ...props, ticks: props.ticks + 1 }),
      },
      render: ({ messages, answer, ticks }) =>
        html`${messages.map(({ text }) => text).join()}|${answer}|${ticks > 2 ? 'rung' : ''}`,
    })

test('what is said in one page is in all, with what a job publishes, an answer that streams, and a clock', async () => {
  const site = await Site.start()
  const db = new Database()
  db.insert({ id: 'old', text: 'old' })
  const { name } = roomWith(db)(site.loom)
  const [ann, ben] = [await pageOf(site, name), await pageOf(site, name)]
  ann.event('say', 'hello')
  await until('both to have it', () => [ann, ben].every(({ text }) => text.startsWith('old,hello|')))
  ben.event('ask', 'why')
  ben.event('say', 'while it streams')
  await site.loom.publish('room:7', { id: 'job', text: 'done' }, { id: 'job' })
  await site.loom.publish('room:7', { id: 'job', text: 'done' }, { id: 'job' })
  await until('the answer and the clock', () => ben.text.endsWith('|You asked why |rung'))
  await until('all messages', () => [ann, ben].every(({ text }) => text.split('|')[0]?.split(',').length === 4))
  expect(ann.text.split('|')[0]?.split(',').sort()).toEqual(['done', 'hello', 'old', 'while it streams'])
  expect(ann.text.split('|')[1]).toBe('')
  expect((await site.loom.presence('room:7')).count).toBe(2)
  expect(site.log.all).toBe('')
})

test('in another process it goes on from its state, and loads what it has missed where a gap is said', async () => {
  const db = new Database()
  const { page, moves } = await twoProcesses(roomWith(db))
  page.event('say', 'first')
  await until('the message', () => page.isSettled && page.text.startsWith('first|'))
  await checkpointed(page)
  const { checkpoint } = page.memory
  await until('a checkpoint that has it', () => page.memory.checkpoint !== checkpoint)
  // Published in neither process: another machine wrote it.
  db.insert({ id: 'elsewhere', text: 'missed' })
  await moves()
  await until('what was missed', () => page.text.startsWith('first,missed|'))
  page.event('say', 'last')
  await until('the next message', () => page.text.startsWith('first,missed,last|'))
})
