/** What a failed message of a visit has asked for is taken back, also what is not known yet. */

import { Effects } from '../../lib/call/effects'
import type { Component } from '../../lib/call/cache'
import type { Tasks, TopicPosition } from '../../lib/call/tasks'

interface Asked {
  known(position: TopicPosition): void
  fails(error: Error): void
}

function effects(): { effects: Effects; asked: Asked[] } {
  const asked: Asked[] = []
  const tasks = {
    position: () =>
      new Promise<TopicPosition>((known, fails) => {
        asked.push({ known, fails })
      }),
    abort: () => undefined,
  }
  const module = { raw: false, name: 'm', module: { receive: { got: () => undefined } } }
  const component = { actor: 1, module, id: 'i', instance: 'x' } as unknown as Component
  return { effects: new Effects(component, tasks as unknown as Tasks, 'cause'), asked }
}

const EPOCH = 'AAAAAAAAAAAAAAAAAAAAAQ'

test('nobody waits for a subscription that was taken back, and it fails nothing', async () => {
  const { effects: all, asked } = effects()
  all.push('first', 1)
  const { length } = all
  void all.subscribe(1, 'a', 'got')
  all.truncate(length)
  expect(all.unsettled).toBeUndefined()
  asked[0]?.fails(new Error('away'))
  await new Promise(setImmediate)
  expect(all.unsettled).toBeUndefined()
  expect(all.json(false)).toBe('[{"push":["first",1]}]')
})

test('one that is known late does not stand in the place of another', async () => {
  const { effects: all, asked } = effects()
  void all.subscribe(1, 'a', 'got')
  all.truncate(0)
  void all.subscribe(1, 'b', 'got')
  asked[0]?.known([EPOCH, 7, 0])
  await new Promise(setImmediate)
  expect(all.json(false)).toBe('[]')
  asked[1]?.known([EPOCH, 8, 0])
  await all.unsettled
  expect(all.json(false)).toBe(`[{"subscribe":["b","got","${EPOCH}",8,0]}]`)
})
