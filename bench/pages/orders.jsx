// A page of an application: navigation, a form with errors, a table of orders, a pager.

import { each, on } from 'loom-live'

const Link = ({ to, current, children }) => (
  <li>
    <a href={to} aria-current={to === current ? 'page' : undefined}>
      {children}
    </a>
  </li>
)

const Field = ({ name, label, value, error }) => (
  <div class="field">
    <label for={name}>{label}</label>
    <input id={name} name={name} value={value} aria-invalid={error !== ''} autocomplete="off" />
    {error && (
      <p class="error" role="alert">
        {error}
      </p>
    )}
  </div>
)

export const Order = (order) => (
  <tr class={order.isPaid ? 'paid' : 'due'}>
    <td>{order.id}</td>
    <td>
      <a href={`/customers/${order.customer}`}>{order.name}</a>
    </td>
    <td class="number">{order.total}</td>
    <td>{order.isPaid ? 'paid' : <b>due</b>}</td>
    <td>
      <button type="button" onClick={on('remove', { id: order.id })} disabled={order.isPaid}>
        Remove
      </button>
    </td>
  </tr>
)

export const page = (props) => (
  <main class="orders">
    <nav aria-label="Pages">
      <ul>
        <Link to="/" current={props.path}>
          Home
        </Link>
        <Link to="/orders" current={props.path}>
          Orders
        </Link>
        <Link to="/customers" current={props.path}>
          Customers
        </Link>
      </ul>
    </nav>
    <h1>Orders of {props.owner}</h1>
    <form onSubmit="search" data-l-keep>
      <Field name="text" label="Text" value={props.text} error={props.textError} />
      <Field name="since" label="Since" value={props.since} error={props.sinceError} />
      <button class="primary">Search</button>
    </form>
    <p role="status">
      {props.orders.length} orders, page {props.number} of {props.count}
    </p>
    <table>
      <thead>
        <tr>
          <th scope="col">Number</th>
          <th scope="col">Customer</th>
          <th scope="col">Total</th>
          <th scope="col">State</th>
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>{each(props.orders, (order) => order.id, Order)}</tbody>
    </table>
    <footer>
      <button onClick="before" disabled={props.number === 1}>
        Before
      </button>
      <button onClick="next" disabled={props.number === props.count}>
        Next
      </button>
      {props.note && <p>{props.note}</p>}
    </footer>
  </main>
)

/** A table whose rows are all rendered each time. */
export const table = (props) => (
  <table>
    <tbody>
      {props.orders.map((order) => (
        <tr key={order.id}>
          <td>{order.id}</td>
          <td>{order.name}</td>
          <td>{order.total}</td>
          <td>{order.customer}</td>
        </tr>
      ))}
    </tbody>
  </table>
)
