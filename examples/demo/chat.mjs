import { randomUUID } from 'node:crypto'
import { each, html } from 'loom-live'
import { loom } from './loom.mjs'

const KEPT = 50
/** Who has not typed for so long does not type any more. */
const QUIET_MS = 3_000
const NAMES = ['Ada', 'Bo', 'Cleo', 'Dev', 'Emi', 'Finn', 'Gia', 'Hugo', 'Ines', 'Jon', 'Kaya', 'Lev', 'Mia', 'Nils']

/**
 * @typedef {{ id: string, window: string, name: string, text: string }} Said
 * @typedef {{ window: string, name: string, at: number }} Typing
 */

/**
 * The newest messages, for whoever comes. A real application has them in its database.
 * @type {readonly Said[]}
 */
let newest = []

export const chat = loom.register('chat', {
  props: {
    /** Which of all windows this one is. */
    window: '',
    name: '',
    messages: /** @type {Said[]} */ ([]),
    typing: /** @type {Typing[]} */ ([]),
    /** When the others were last told that this window types. */
    told: 0,
  },
  mount: () => ({ name: NAMES[Math.floor(Math.random() * NAMES.length)], messages: [...newest] }),
  async connected(props, ctx) {
    // Subscribe, then read: what is said between the two comes twice, and is known by its id. The other way round it
    // would be missed.
    await ctx.subscribe('chat', 'said')
    await ctx.subscribe('chat:typing', 'typing')
    return { window: props.window || randomUUID(), messages: merge(props.messages, newest) }
  },
  handle: {
    rename: (props, { value }) => ({ ...props, name: cut(value, 24) || props.name }),
    say(props, event, ctx) {
      const text = cut(event.form?.text, 280)
      if (text === '') return props
      // After a crash the event may be handled again: the message is the same one, under the same id.
      const said = { id: event.id, window: props.window, name: props.name, text }
      newest = merge(newest, [said])
      ctx.publish('chat', said)
      return { ...props, told: 0 }
    },
    // Each key is an event here, but the others hear of one in a second.
    type(props, event, ctx) {
      const now = Date.now()
      if (event.value === '' || now - props.told < 1_000) return props
      ctx.publish('chat:typing', { window: props.window, name: props.name, at: now })
      return { ...props, told: now }
    },
  },
  receive: {
    said(props, { data, gap }) {
      if (gap) return { ...props, messages: merge(props.messages, newest) }
      const said = /** @type {Said} */ (data)
      const typing = props.typing.filter(({ window }) => window !== said.window)
      return { ...props, typing, messages: merge(props.messages, [said]) }
    },
    typing(props, { data, gap }, ctx) {
      const who = /** @type {Typing} */ (data)
      if (gap || who.window === props.window) return props
      ctx.after('quiet', QUIET_MS)
      const others = props.typing.filter(({ window }) => window !== who.window)
      return { ...props, typing: [...others, who].filter(isTyping).slice(-KEPT) }
    },
    quiet(props, message, ctx) {
      const typing = props.typing.filter(isTyping)
      if (typing.length > 0) ctx.after('quiet', 500)
      return { ...props, typing }
    },
  },
  render: ({ window, name, messages, typing }) => html`
    <label for="chat-name">Your name in this window</label>
    <input id="chat-name" value="${name}" autocomplete="off" maxlength="24" data-l-change="rename">
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
    <p class="note typing">${whoTypes(typing)}</p>
    <form class="add" data-l-submit="say">
      <input name="text" aria-label="Message" placeholder="Say something" autocomplete="off" maxlength="280" data-l-input="type">
      <button>Send</button>
    </form>
  `,
})

/**
 * Both, each message once, the newest of them.
 * @param {readonly Said[]} known
 * @param {readonly Said[]} more
 */
function merge(known, more) {
  const ids = new Set(known.map(({ id }) => id))
  return [...known, ...more.filter(({ id }) => !ids.has(id))].slice(-KEPT)
}

/** @param {Typing} who */
function isTyping({ at }) {
  return at > Date.now() - QUIET_MS
}

/** @param {readonly Typing[]} typing */
function whoTypes([first, ...others]) {
  if (first === undefined) return ''
  return others.length === 0 ? `${first.name} is typing …` : `${first.name} and ${others.length} more are typing …`
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
