// A board of cards, which are moved with the mouse, a finger or the keyboard. The library that drags them is in a hook.

import { each, html, on } from 'loom-live'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

/** @typedef {{ id: number, title: string }} Card */
/** @typedef {{ id: string, title: string, cards: readonly Card[] }} Column */

const COLUMNS = [
  {
    id: 'todo',
    title: 'To do',
    cards: [
      { id: 1, title: 'Write the docs' },
      { id: 2, title: 'Buy bread' },
      { id: 3, title: 'Water the plants' },
    ],
  },
  { id: 'doing', title: 'Doing', cards: [{ id: 4, title: 'Paint the door' }] },
  { id: 'done', title: 'Done', cards: [{ id: 5, title: 'Call Ada' }] },
]

const STEPS = [
  { by: 'left', sign: '←', columns: -1, rows: 0 },
  { by: 'up', sign: '↑', columns: 0, rows: -1 },
  { by: 'down', sign: '↓', columns: 0, rows: 1 },
  { by: 'right', sign: '→', columns: 1, rows: 0 },
]

/**
 * Where the card is: the places of its column and in it.
 * @param {readonly Column[]} columns
 * @param {number} id
 */
function placeOf(columns, id) {
  const column = columns.findIndex(({ cards }) => cards.some((card) => card.id === id))
  if (column < 0) throw new Error('There is no such card.')
  return { column, row: columns[column].cards.findIndex((card) => card.id === id) }
}

/**
 * The columns with the card in its new place.
 * @param {readonly Column[]} columns
 * @param {number} id
 * @param {number} to the place of the column
 * @param {number} at the place in the column
 */
function moved(columns, id, to, at) {
  const { column, row } = placeOf(columns, id)
  const card = columns[column].cards[row]
  return columns.map((one, index) => {
    if (index !== column && index !== to) return one
    const cards = one.cards.filter((other) => other !== card)
    return { ...one, cards: index === to ? cards.toSpliced(at, 0, card) : cards }
  })
}

const board = loom.register('board', {
  props: { columns: /** @type {readonly Column[]} */ (COLUMNS), said: '' },
  handle: {
    // Of a hook's call: the card was dropped there.
    move: ({ columns }, { args }) => {
      const { card, column, at } = /** @type {Record<string, unknown>} */ (args ?? {})
      const to = columns.findIndex(({ id }) => id === column)
      if (to < 0 || !Number.isInteger(at)) throw new Error('There is no such place.')
      return said(moved(columns, Number(card), to, Math.max(Number(at), 0)), Number(card))
    },
    step: ({ columns }, { args }, ctx) => {
      const { card, by } = /** @type {Record<string, unknown>} */ (args ?? {})
      const step = STEPS.find((one) => one.by === by)
      const { column, row } = placeOf(columns, Number(card))
      const to = columns[column + (step?.columns ?? 0)]
      if (step === undefined || to === undefined) return undefined
      ctx.push('moved', { card, by })
      const at = step.columns ? Math.min(row, to.cards.length) : Math.max(row + step.rows, 0)
      return said(moved(columns, Number(card), column + step.columns, at), Number(card))
    },
  },
  render: ({ columns, said }) => html`
    <div class="board" id="board" data-l-hook="board">
      ${columns.map(
        ({ id, title, cards }, index) => html`
          <section class="column" aria-labelledby="${`column-${id}`}">
            <h3 id="${`column-${id}`}">${title}</h3>
            <ul data-column="${id}">
              ${each(
                cards,
                (card) => card.id,
                (card) => cardOf(card, index, cards.indexOf(card), cards.length, columns.length),
                [index, cards],
              )}
            </ul>
          </section>
        `,
      )}
    </div>
    <p class="said" role="status">${said}</p>
  `,
})

/**
 * The props when the card has moved, and what a screen reader says of it.
 * @param {readonly Column[]} columns
 * @param {number} id
 */
function said(columns, id) {
  const { column, row } = placeOf(columns, id)
  const { title, cards } = columns[column]
  return { columns, said: `${cards[row].title}: ${title}, ${row + 1} of ${cards.length}` }
}

/** @type {(card: Card, column: number, row: number, rows: number, columns: number) => import('loom-live').Tree} */
const cardOf = ({ id, title }, column, row, rows, columns) => html`<li class="kanban-card" data-card="${id}">
  <span>${title}</span>
  <span class="steps">
    ${STEPS.map((step) => {
      const to = column + step.columns
      const at = row + step.rows
      const isPlace = to >= 0 && to < columns && at >= 0 && (at < rows || step.rows === 0)
      return html`<button
        type="button"
        aria-label="${title}: ${step.by}"
        data-by="${step.by}"
        disabled=${!isPlace}
        @click=${on('step', { card: id, by: step.by })}
      >${step.sign}</button>`
    })}
  </span>
</li>`

/** @param {import('express').Request} request */
export async function boardPage(request) {
  return framed(
    { path: '/board', title: 'Board', styles: ['forms.css', 'board.css'], scripts: ['scripts/board.js'] },
    `<header>
      <h1>Board</h1>
      <p>Drag a card with the mouse, or rest a finger on it. Each card has buttons that do the same.</p>
    </header>
    <main class="single">
      <section class="card" aria-labelledby="cards">
        <h2 id="cards">Cards <code>board.mjs</code></h2>
        ${await loom.mount(board, {}, { request })}
      </section>
    </main>`,
  )
}
