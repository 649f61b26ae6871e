import { counter } from './counter.mjs'
import { loom } from './loom.mjs'
import { search } from './search.mjs'
import { table } from './table.mjs'
import { todo } from './todo.mjs'

export async function page() {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>loom-live demo</title>
    <link rel="icon" href="/icon.svg">
    <link rel="stylesheet" href="/style.css">
  </head>
  <body>
    <header>
      <h1>loom-live</h1>
      <p>Four components that live on the server: a click or a keystroke calls a function there, and only what it changed comes back.</p>
    </header>
    <main>
      <section class="card" aria-labelledby="counter">
        <h2 id="counter">Counter <code>counter.mjs</code></h2>
        ${await loom.mount(counter, { count: 3 })}
      </section>
      <section class="card" aria-labelledby="todo">
        <h2 id="todo">To-do list <code>todo.mjs</code></h2>
        ${await loom.mount(todo)}
      </section>
      <section class="card" aria-labelledby="search">
        <h2 id="search">Live search <code>search.mjs</code></h2>
        ${await loom.mount(search)}
      </section>
      <section class="card" aria-labelledby="table">
        <h2 id="table">A thousand prices <code>table.mjs</code></h2>
        ${await loom.mount(table)}
        <p class="note">The server does not push yet: while the prices change, this page asks for the next tick itself, four times a second.</p>
      </section>
    </main>
    ${loom.script()}
    <script type="module" src="/ticker.mjs"></script>
  </body>
</html>`
}
