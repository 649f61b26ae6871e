// What development finds in keyed lists of which only what changed is rendered.

import { each, html } from 'loom-live'
import { Site } from '../support/site'

interface Props {
  rows: { id: number; name: string }[]
  selected: number
}

async function table(dependencies: (props: Props) => unknown[]) {
  const site = await Site.start({ development: true })
  const module = site.loom.register<Props>('table', {
    props: { rows: [1, 2, 3].map((id) => ({ id, name: `row ${id}` })), selected: 1 },
    handle: {
      add: (props, { value }) => ({ ...props, rows: [...props.rows, { id: Number(value), name: 'new' }] }),
      select: (props, { value }) => ({ ...props, selected: Number(value) }),
    },
    render: (props) =>
      html`${each(
        props.rows,
        ({ id }) => id,
        ({ id, name }) => html`<li>${id === props.selected ? '*' : ''}${name}</li>`,
        dependencies(props),
      )}`,
  })
  return { site, client: await site.live(module) }
}

test('a new row with the key of one that stays is an error, as in a list that is rendered whole', async () => {
  const { client } = await table(({ selected }) => [selected])
  expect(await client.fails('c0', 'add', { value: '2' })).toMatch(/two items with the key "2"; keys have to be unique/)
  expect(await client.shows('c0', 'add', { value: '4' })).toMatch(/<li>new<\/li>$/)
})

test('rows that read what is not among their dependencies are warned of', async () => {
  const { site, client } = await table(() => [])
  await client.event('c0', 'select', { value: '2' })
  expect(site.log.all).toMatch(/table: the row "1" of each\(\) reads more than its item: slot 1 of the row would/)
})

test('rows are rendered again where a dependency changed, and nothing is warned of', async () => {
  const { site, client } = await table(({ selected }) => [selected])
  expect(await client.shows('c0', 'select', { value: '3' })).toBe('<li>row 1</li><li>row 2</li><li>*row 3</li>')
  expect(site.log.all).toBe('')
})
