import { chat } from './chat.mjs'
import { counter } from './counter.mjs'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'
import { report } from './report.mjs'
import { search } from './search.mjs'
import { story } from './story.mjs'
import { TABLE, table } from './table.mjs'
import { todo } from './todo.mjs'
import { visitorOf } from './visitor.mjs'

/** @param {import('express').Request} request */
export async function page(request) {
  return framed(
    { path: '/' },
    `<header>
      <h1>loom-live</h1>
      <p>Seven components that live on the server: a click or a keystroke calls a function there, what happens there is pushed here, and only what changed is sent.</p>
    </header>
    <main>
      <section class="card counter-card" aria-labelledby="counter">
        <h2 id="counter">Counter <code>counter.mjs</code></h2>
        ${await loom.mount(counter, { count: 3 })}
      </section>
      <section class="card todo-card" aria-labelledby="todo">
        <h2 id="todo">To-do list <code>todo.mjs</code></h2>
        ${await loom.mount(todo)}
      </section>
      <section class="card search-card" aria-labelledby="search">
        <h2 id="search">Live search <code>search.mjs</code></h2>
        ${await loom.mount(search)}
      </section>
      <section class="card chat-card" aria-labelledby="chat">
        <h2 id="chat">Chat <code>chat.mjs</code></h2>
        ${await loom.mount(chat)}
      </section>
      <section class="card story-card" aria-labelledby="story">
        <h2 id="story">A streamed text <code>story.mjs</code></h2>
        ${await loom.mount(story)}
      </section>
      <section class="card report-card" aria-labelledby="report">
        <h2 id="report">A long job <code>report.mjs</code></h2>
        ${await loom.mount(report, {}, { request, shared: visitorOf(request) })}
      </section>
      <section class="card table-card" aria-labelledby="table">
        <h2 id="table">A thousand prices <code>table.mjs</code></h2>
        ${await loom.mount(table, {}, { shared: TABLE })}
      </section>
    </main>`,
  )
}
