import { each, html } from 'loom-live'
import { countries } from './countries.mjs'
import { loom } from './loom.mjs'

const SHOWN = 8

export const search = loom.register('search', {
  // Only the query is state: what it finds follows from it.
  props: { query: '' },
  handle: {
    search: (props, { value = '' }) => ({ query: value }),
  },
  render: ({ query }) => {
    const wanted = fold(query.trim())
    const found = find(wanted)
    const more = found.length - SHOWN
    return html`
      <label for="query">Find a country or its capital</label>
      <input
        id="query"
        type="search"
        value="${query}"
        placeholder="land, port, são …"
        autocomplete="off"
        spellcheck="false"
        data-l-input="search"
        data-l-debounce="80"
      >
      <p class="note" role="status">${found.length} of ${countries.length}</p>
      <ul class="results">
        ${each(
          found.slice(0, SHOWN),
          ({ name }) => name,
          ({ name, capital, region }) => html`
            <li>
              <span><b>${mark(name, wanted)}</b> ${mark(capital, wanted)}</span>
              <small>${region}</small>
            </li>
          `,
          [wanted],
        )}
      </ul>
      ${found.length === 0 && html`<p class="note">Nothing of that name.</p>`}
      ${more > 0 && html`<p class="note">and ${more} more</p>`}
    `
  },
})

/**
 * Without accents and case, letter by letter, so that positions stay what they are.
 * @param {string} text
 */
function fold(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

const folded = countries.map((country) => ({
  country,
  name: fold(country.name),
  capital: fold(country.capital),
}))

/**
 * Those that begin with it come first.
 * @param {string} wanted
 */
function find(wanted) {
  const found = folded.filter(({ name, capital }) => name.includes(wanted) || capital.includes(wanted))
  const first = found.filter(({ name }) => name.startsWith(wanted))
  const others = found.filter(({ name }) => !name.startsWith(wanted))
  return [...first, ...others].map(({ country }) => country)
}

/**
 * @param {string} text
 * @param {string} wanted
 */
function mark(text, wanted) {
  const start = fold(text).indexOf(wanted)
  if (wanted === '' || start < 0) return text
  const end = start + wanted.length
  return html`${text.slice(0, start)}<mark>${text.slice(start, end)}</mark>${text.slice(end)}`
}
