// A page in tabs, each with an address of its own. The people are components in a component: each has an actor.

import { each, html, live } from 'loom-live'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

const TABS = { people: 'People', board: 'Board', team: 'Team' }
const PEOPLE = ['Ada', 'Grace', 'Edsger']

const person = loom.register('person', {
  props: { name: '', team: '', thanks: 0 },
  handle: {
    thank: (props) => ({ ...props, thanks: props.thanks + 1 }),
    first: ({ name }, _, ctx) => {
      // The parent decides what stands where.
      if (ctx.parent) ctx.send(ctx.parent, 'first', name)
    },
  },
  render: ({ name, team, thanks }) => html`
    <strong>${name}</strong> <span class="of">${team}</span>
    <span class="thanks">${thanks} thanks</span>
    <span class="buttons">
      <button type="button" @click="thank" aria-label="Thank ${name}">Thank</button>
      <button type="button" @click="first" aria-label="Put first: ${name}">Put first</button>
    </span>
  `,
})

/** One for all who look: what one writes, all others see. */
const board = loom.register('team-board', {
  props: { notes: /** @type {string[]} */ ([]) },
  handle: {
    note: ({ notes }, { form }) => {
      const text = String(form?.text ?? '')
        .trim()
        .slice(0, 80)
      return { notes: text === '' ? notes : [...notes.slice(-4), text] }
    },
  },
  render: ({ notes }) => html`
    <form @submit="note">
      <label for="note">Note for everybody</label>
      <input id="note" name="text" maxlength="80" autocomplete="off">
      <button>Put up</button>
    </form>
    <ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>
  `,
})

const team = loom.register('team', {
  props: { tab: 'people', name: 'Compilers', people: PEOPLE },
  params: (props, url) => {
    const tab = url.searchParams.get('tab') ?? ''
    return { ...props, tab: Object.hasOwn(TABS, tab) ? tab : 'people' }
  },
  handle: {
    rename: (props, { form }) => ({ ...props, name: String(form?.name ?? '').slice(0, 40) || props.name }),
  },
  receive: {
    first: (props, { data }) => ({
      ...props,
      people: [...props.people].sort((one, other) => Number(other === data) - Number(one === data)),
    }),
  },
  render: ({ tab, name, people }) => html`
    <nav class="tabs" aria-label="Team">
      ${Object.entries(TABS).map(
        ([id, title]) =>
          html`<a href="?tab=${id}" data-l-patch aria-current="${id === tab ? 'page' : 'false'}">${title}</a>`,
      )}
    </nav>
    ${
      tab === 'people'
        ? html`<ul class="members">${each(
            people,
            (one) => one,
            (one) => html`<li>${live(person, { name: one, team: name }, { key: one })}</li>`,
            [name],
          )}</ul>`
        : ''
    }
    ${tab === 'board' ? live(board, {}, { shared: 'team', key: 'board' }) : ''}
    ${
      tab === 'team'
        ? html`<form @submit="rename">
          <label for="name">Name of the team</label>
          <input id="name" name="name" value="${name}" maxlength="40" required autocomplete="off">
          <button>Rename</button>
        </form>`
        : ''
    }
  `,
})

/** @param {import('express').Request} request */
export async function teamPage(request) {
  return framed(
    { path: '/team', title: 'Team', styles: ['forms.css', 'team.css'] },
    `<header>
      <h1>Team</h1>
      <p>Three tabs with addresses. Each person is a component of its own, and the board is one for all who look.</p>
    </header>
    <main class="single">
      <section class="card" aria-labelledby="team">
        <h2 id="team">Components in a component <code>team.mjs</code></h2>
        ${await loom.mount(team, {}, { request })}
      </section>
    </main>`,
  )
}
