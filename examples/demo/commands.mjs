// What a page does by itself: a menu and a dialog that need no server, and a button that shows at once what it will do.

import { html, js, on } from 'loom-live'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

const toggleMenu = js.toggle('#more').toggleAttribute('aria-expanded', '#more-button', ['true', 'false'])
const closeMenu = js.hide('#more').setAttribute('aria-expanded', 'false', '#more-button')

const post = loom.register('post', {
  props: { liked: false, likes: 41, archived: false },
  handle: {
    like: (props) => ({ ...props, liked: !props.liked, likes: props.likes + (props.liked ? -1 : 1) }),
    archive: (props) => ({ ...props, archived: !props.archived }),
    // The next page says what has happened.
    remove: (props, event, ctx) => {
      ctx.flash('success', 'The post is deleted.')
      ctx.redirect('/orders')
    },
  },
  render: ({ liked, likes, archived }) => html`
    <p>A page that waits for its server feels slow. This one does what it can by itself.</p>
    <div class="buttons">
      <button
        type="button"
        id="like"
        aria-pressed="${liked}"
        @click=${on('like').optimistic(js.toggleAttribute('aria-pressed', undefined, ['true', 'false']))}
      >Like</button>
      <span id="likes">${likes} likes</span>
      <button
        type="button"
        id="more-button"
        aria-expanded="false"
        aria-controls="more"
        @click=${toggleMenu}
        @keydown.esc=${closeMenu}
      >More</button>
    </div>
    <ul id="more" class="more" hidden @keydown.esc=${closeMenu.focus('#more-button')}>
      <li><button type="button" id="copy" @click=${js.copy({ from: '#link' }).call('archive', undefined)}>Archive and copy the link</button></li>
      <li><button type="button" id="ask" @click=${closeMenu.showModal('#about')}>About this post</button></li>
      <li><button type="button" id="remove" @click="remove">Delete this post</button></li>
    </ul>
    <p><code id="link">https://example.org/posts/7</code> <span id="archived">${archived ? 'archived' : 'not archived'}</span></p>
    <dialog id="about" aria-labelledby="about-title">
      <h3 id="about-title">About this post</h3>
      <p>This dialog opens and closes while the server is away.</p>
      <button type="button" id="close" @click=${js.close().focus('#more-button')}>Close</button>
    </dialog>
  `,
})

/** @param {import('express').Request} request */
export async function commandsPage(request) {
  return framed(
    { path: '/commands', title: 'Commands', styles: ['forms.css', 'commands.css'] },
    `<header>
      <h1>Commands</h1>
      <p>What needs no server does not wait for one.</p>
    </header>
    <main class="single">
      <section class="card" aria-labelledby="commands">
        <h2 id="commands">A post <code>commands.mjs</code></h2>
        ${await loom.mount(post, {}, { request })}
      </section>
    </main>`,
  )
}
