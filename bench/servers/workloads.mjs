// The application's code, the same for every server: first props, handlers and render. Each server passes its own
// `html`, and its `each` if it has keyed lists.

function instrument(number) {
  return { id: number, symbol: `SYM${number}`, price: 100 + (number % 900) / 10, change: (number % 40) - 20 }
}

function entry(number) {
  return { id: 100_000 + number, text: `Message number ${number}` }
}

const counter = (html) => ({
  props: { count: 0 },
  handle: { increment: (props) => ({ count: props.count + 1 }) },
  render: (props) => html`<button data-l-click="increment">${props.count}</button>`,
})

// The rows are made by an event: props of this size do not belong into a page's token.
const table = (html, rows) => ({
  props: { rows: [] },
  handle: {
    fill: (_props, event) => ({ rows: Array.from({ length: Number(event.value) }, (_, index) => instrument(index)) }),
    change: (props, event) => {
      const rows = props.rows.slice()
      const index = Number(event.value)
      const row = rows[index]
      rows[index] = { ...row, price: Math.round(row.price * 100 + 7) / 100, change: row.change + 1 }
      return { rows }
    },
  },
  render: (props) =>
    html`<table><tbody>${rows(
      props.rows,
      (row) => row.id,
      (row) => html`<tr><td>${row.id}</td><td>${row.symbol}</td><td>${row.price}</td><td>${row.change}</td></tr>`,
    )}</tbody></table>`,
})

const list = (html, rows) => ({
  props: { next: 0, entries: [] },
  handle: {
    fill: (_props, event) => {
      const next = Number(event.value)
      return { next, entries: Array.from({ length: next }, (_, index) => entry(next - 1 - index)) }
    },
    rotate: (props) => ({
      next: props.next + 1,
      entries: [entry(props.next), ...props.entries.slice(0, -1)],
    }),
  },
  render: (props) =>
    html`<ul>${rows(
      props.entries,
      (row) => row.id,
      (row) => html`<li><b>${row.id}</b> ${row.text}</li>`,
    )}</ul>`,
})

/** Ten characters of text, as a model writes it. */
const PIECE = 10
const PIECES = 2000
const prose = 'It was the best of times, it was the worst of times, it was the age of wisdom, '.repeat(300)

const text = (html) => {
  let pages = 0
  const upTo = (pieces) => ({ pieces, text: prose.slice(0, pieces * PIECE) })
  return {
    props: upTo(0),
    handle: {
      // Pages are at different places of the text, so that each run has all lengths in it.
      begin: () => upTo((pages++ * 97) % PIECES),
      add: ({ pieces, text }) =>
        pieces === PIECES
          ? upTo(0)
          : { pieces: pieces + 1, text: text + prose.slice(pieces * PIECE, (pieces + 1) * PIECE) },
    },
    render: (props) => html`<p>${props.text}</p>`,
  }
}

const map = (items, _key, row) => items.map(row)

/** The modules by name. Modules whose names end in `-each` exist only if there is an `each`. */
export function modules(html, each) {
  const plain = { counter: counter(html), text: text(html), 'table-map': table(html, map), 'list-map': list(html, map) }
  return each === undefined ? plain : { ...plain, 'table-each': table(html, each), 'list-each': list(html, each) }
}
