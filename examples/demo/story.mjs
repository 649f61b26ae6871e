import { setTimeout } from 'node:timers/promises'
import { html } from 'loom-live'
import { loom } from './loom.mjs'

const TOKEN_MS = 40

/** In the place of a language model's answer. */
const STORY = `The weaver had one rule: a thread that has been laid is never laid twice. When the lamp went out she \
did not unpick her work. She felt for the last knot, counted the rows by hand, and went on from there.

One evening a traveller asked what the cloth would show. “I do not know yet,” she said. “It comes to me a word at a \
time, and I weave each word as it comes. If I waited for the whole story, you would be looking at an empty loom.”

“And if I have seen enough?” asked the traveller.

“Then say so. I put the shuttle down between two words, and what is woven stays woven.” She wove on while they talked, \
since talking needs no hands, and the traveller found that the cloth had grown by the width of a palm.

Outside the rain began. The door fell shut, opened again, and the cloth had not lost a row.`

const tokens = STORY.match(/\s*\S+/g) ?? []

export const story = loom.register('story', {
  props: { text: '', next: 0, isWriting: false, likes: 0 },
  // A task ends with its process. The text is state and does not: the writing goes on from its end.
  connected(props, ctx) {
    if (props.isWriting) write(ctx, props.next)
  },
  handle: {
    start(props, event, ctx) {
      write(ctx, 0)
      return { ...props, text: '', next: 0, isWriting: true }
    },
    stop(props, event, ctx) {
      ctx.cancel('token')
      return { ...props, isWriting: false }
    },
    // Handled at once, while the text is being written: a task runs beside the events.
    like: (props) => ({ ...props, likes: props.likes + 1 }),
  },
  receive: {
    token(props, { data, done, error }) {
      if (done || error) return { ...props, isWriting: false }
      return { ...props, text: props.text + data, next: props.next + 1 }
    },
  },
  render: ({ text, next, isWriting, likes }) => html`
    <div class="buttons">
      <button class="main" data-l-click="${isWriting ? 'stop' : 'start'}">
        ${isWriting ? 'Stop' : next > 0 ? 'Tell it again' : 'Tell a story'}
      </button>
      <button data-l-click="like" aria-label="Like, ${likes} so far">♥ ${likes}</button>
    </div>
    <div class="text" role="region" aria-label="Story" tabindex="0">
      <p aria-live="polite" aria-busy="${isWriting}">${text}</p>
    </div>
    <p class="note">${next} of ${tokens.length} words</p>
  `,
})

/**
 * @param {Pick<import('loom-live').LiveContext, 'task'>} ctx
 * @param {number} from
 */
function write(ctx, from) {
  ctx.task('token', async function* (signal) {
    for (const token of tokens.slice(from)) {
      await setTimeout(TOKEN_MS, undefined, { signal })
      yield token
    }
  })
}
