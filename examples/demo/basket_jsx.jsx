/** @jsxImportSource loom-live */
// A basket in JSX. basket_html.mjs is the same as a template of `html`.

import { each, on } from 'loom-live'

/** @param {import('./basket.mjs').Line} line */
const Row = ({ id, name, count, price }) => (
  <li class="line">
    <span class="name">{name}</span>
    <span class="count">
      <button onClick={on('change', { id, by: -1 })} disabled={count === 1} aria-label={`One ${name} less`}>
        −
      </button>
      <output>{count}</output>
      <button onClick={on('change', { id, by: 1 })} aria-label={`One ${name} more`}>
        +
      </button>
    </span>
    <b class="price">{price}</b>
    <button onClick={on('remove', { id })} aria-label={`Remove ${name}`}>
      ×
    </button>
  </li>
)

/** @param {import('./basket.mjs').Shown} shown */
export const Basket = ({ id, lines, error, total }) => (
  <>
    <form class="add" onSubmit="add" novalidate>
      <input
        id={id}
        name="name"
        placeholder="What else?"
        aria-label="Something for the basket"
        aria-invalid={error !== ''}
        aria-describedby={error === '' ? undefined : `${id}-error`}
        autocomplete="off"
        maxlength="60"
      />
      <button>Add</button>
    </form>
    {error && (
      <p class="loom-error" id={`${id}-error`}>
        {error}
      </p>
    )}
    <ul class="lines">
      {each(
        lines,
        (line) => line.id,
        (line) => (
          <Row {...line} />
        ),
      )}
    </ul>
    <p class="note" role="status">
      {lines.length === 0 ? (
        'Nothing yet'
      ) : (
        <>
          Together <b>{total}</b>
        </>
      )}
    </p>
  </>
)
