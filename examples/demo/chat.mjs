import { randomUUID } from 'node:crypto'
import { each, html, peopleAfter } from 'loom-live'
import { KEPT, keepSaid, newestSaid } from './kept.mjs'
import { loom } from './loom.mjs'

/** Who has not typed for so long does not type any more. */
const QUIET_MS = 3_000
/** How many people are named. */
const NAMED = 8
const NAMES = ['Ada', 'Bo', 'Cleo', 'Dev', 'Emi', 'Finn', 'Gia', 'Hugo', 'Ines', 'Jon', 'Kaya', 'Lev', 'Mia', 'Nils']

/**
 * @typedef {{ id: string, window: string, name: string, text: string }} Said
 * @typedef {{ name: string, typing: boolean }} Meta what each window tells the others of itself
 * @typedef {import('loom-live').Person<Meta>} Person a window: an application with users has them as people
 */

export const chat = loom.register('chat', {
  props: {
    /** Which of all windows this one is. */
    window: '',
    name: '',
    messages: /** @type {Said[]} */ ([]),
    people: /** @type {readonly Person[]} */ ([]),
    /** How many there are; more than `people` if they are too many to be told by name. */
    count: 0,
    /** The others have been told that this window types. */
    typing: false,
    /** When it typed last. */
    typed: 0,
  },
  async mount() {
    const [messages, { present = [], count }] = await Promise.all([newestSaid(), loom.presence('chat')])
    const name = NAMES[Math.floor(Math.random() * NAMES.length)]
    return { name, messages: merge([], messages), people: /** @type {readonly Person[]} */ (present), count }
  },
  async connected(props, ctx) {
    // Subscribe, then read: what is said between the two comes twice, and is known by its id. The other way round it
    // would be missed.
    await ctx.subscribe('chat', 'said')
    const window = props.window || randomUUID()
    ctx.track('chat', { name: props.name, typing: false }, { key: window })
    ctx.presence('chat', 'here')
    return { window, messages: merge(props.messages, await newestSaid()), typing: false }
  },
  handle: {
    rename(props, { value }, ctx) {
      const name = cut(value, 24) || props.name
      ctx.track('chat', { name, typing: props.typing })
      return { ...props, name }
    },
    async say(props, event, ctx) {
      const text = cut(event.form?.text, 280)
      if (text === '') return props
      // After a crash the event may be handled again: the message is the same one, under the same id.
      const said = { id: event.id, window: props.window, name: props.name, text }
      await keepSaid(said)
      ctx.publish('chat', said)
      return types(props, false, ctx)
    },
    // Each key is an event here, but the others hear only when somebody begins and when they stop.
    type(props, event, ctx) {
      if (event.value === '') return types(props, false, ctx)
      return types({ ...props, typed: Date.now() }, true, ctx)
    },
  },
  receive: {
    async said(props, { data, gap }) {
      if (gap) return { ...props, messages: merge(props.messages, await newestSaid()) }
      const said = /** @type {Said} */ (data)
      return { ...props, people: quiet(props.people, said.window), messages: merge(props.messages, [said]) }
    },
    here(props, /** @type {import('loom-live').PresenceMessage<Meta>} */ { data }) {
      return { ...props, count: data.count, people: peopleAfter(props.people, data) }
    },
    stop(props, message, ctx) {
      const left = props.typed + QUIET_MS - Date.now()
      if (left <= 0) return types(props, false, ctx)
      ctx.after('stop', left)
      return props
    },
  },
  render: ({ window, name, messages, people, count }) => html`
    <label for="chat-name">Your name in this window</label>
    <input id="chat-name" value="${name}" autocomplete="off" maxlength="24" data-l-change="rename">
    <ul class="people" aria-label="Who is here">
      ${each(
        people.slice(0, NAMED),
        ({ key }) => key,
        ({ key, metas: [meta] }) =>
          html`<li class="${key === window ? 'mine' : ''}">${meta?.name}${key === window && ' (you)'}</li>`,
        [window],
      )}
      ${count > NAMED && html`<li>${people.length === 0 ? count : `${count - NAMED} more`}</li>`}
    </ul>
    <div class="log" role="log" aria-label="Messages" tabindex="0">
      <ol>
        ${each(
          messages,
          ({ id }) => id,
          (said) => html`<li class="${said.window === window ? 'mine' : ''}"><b>${said.name}</b> ${said.text}</li>`,
          [window],
        )}
      </ol>
      ${messages.length === 0 && html`<p class="note">Nobody has said anything yet. Open a second window.</p>`}
    </div>
    <p class="note typing">${whoTypes(people.filter(({ key, metas }) => key !== window && metas[0]?.typing))}</p>
    <form class="add" data-l-submit="say">
      <input name="text" aria-label="Message" placeholder="Say something" autocomplete="off" maxlength="280" data-l-input="type">
      <button>Send</button>
    </form>
  `,
})

/**
 * Tells the others, if it is news, that this window types, or does not any more. A timer looks whether it still does.
 * @template {{ name: string, typing: boolean }} Props
 * @param {Props} props
 * @param {boolean} typing
 * @param {Pick<import('loom-live').LiveContext, 'track' | 'after' | 'cancel'>} ctx
 * @returns {Props}
 */
function types(props, typing, ctx) {
  if (typing === props.typing) return props
  ctx.track('chat', { name: props.name, typing })
  if (typing) ctx.after('stop', QUIET_MS)
  else ctx.cancel('stop')
  return { ...props, typing }
}

/**
 * Who has said something does not type, and their message may be here before their meta is.
 * @param {readonly Person[]} people
 * @param {string} window
 */
function quiet(people, window) {
  return people.map((person) =>
    person.key === window ? { ...person, metas: person.metas.map((meta) => ({ ...meta, typing: false })) } : person,
  )
}

/**
 * Both, each message once, the newest of them.
 * @param {readonly Said[]} known
 * @param {readonly Said[]} more
 */
function merge(known, more) {
  const ids = new Set(known.map(({ id }) => id))
  return [...known, ...more.filter(({ id }) => !ids.has(id))].slice(-KEPT)
}

/** @param {readonly Person[]} typing */
function whoTypes([first, ...others]) {
  const name = first?.metas[0]?.name
  if (name === undefined) return ''
  return others.length === 0 ? `${name} is typing …` : `${name} and ${others.length} more are typing …`
}

/**
 * `maxlength` binds browsers, and this the others.
 * @param {unknown} value
 * @param {number} length
 */
function cut(value, length) {
  return String(value ?? '')
    .trim()
    .slice(0, length)
}
