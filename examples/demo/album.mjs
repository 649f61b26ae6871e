import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { each, html } from 'loom-live'
import { ending, loom } from './loom.mjs'

/** A folder of this process: the pictures of the demo go with it. */
const directory = mkdtempSync(join(tmpdir(), 'loom-live-album-'))
export const uploads = loom.uploads({ directory, shared: true, totalBytes: 500_000_000 })
ending.signal.addEventListener('abort', () => void rm(directory, { recursive: true, force: true }))

const MAX_BYTES = 50_000_000
/** So many pictures of all pages are kept; the oldest goes first. */
const MOST_KEPT = 100

/**
 * What has arrived, by id.
 * @type {Map<string, { path: string, type: string }>}
 */
const kept = new Map()

const REASONS = {
  type: 'is no picture that is taken here',
  large: 'is larger than 50 MB',
  many: 'is one too many at a time',
  full: 'has no room on the server',
  gone: 'was cancelled',
  failed: 'could not be sent',
}

export const album = loom.register('album', {
  props: {
    /** @type {{ id: string, name: string }[]} */
    pictures: [],
    /** @type {readonly import('loom-live').UploadEntry[]} */
    coming: [],
  },
  uploads: {
    picture: {
      accept: ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'],
      maxFiles: 10,
      maxBytes: MAX_BYTES,
      progress: 'coming',
    },
  },
  handle: {
    cancel: (_, { value = '' }, ctx) => ctx.cancelUpload(value),
    remove: (props, { value }) => ({ ...props, pictures: props.pictures.filter(({ id }) => id !== value) }),
  },
  receive: {
    coming: (props, { data }) => ({ ...props, coming: /** @type {typeof props.coming} */ (data) }),
    picture: (props, { data: { id, name, type, path } }) => {
      if (path === undefined) return
      keep(id, path, type)
      return { ...props, pictures: [...props.pictures.slice(-23), { id, name }] }
    },
  },
  render: ({ pictures, coming }) => html`
    <form class="zone" data-l-drop="picture">
      <label for="pictures">Choose pictures, drop them here, or paste one</label>
      <input
        id="pictures"
        type="file"
        multiple
        accept="image/png,image/jpeg,image/gif,image/webp,image/avif"
        data-l-upload="picture"
        data-l-max-bytes="${MAX_BYTES}"
      >
    </form>
    <p class="note" role="status">
      ${pictures.length === 1 ? '1 picture' : `${pictures.length} pictures`}${coming.length > 0 ? `, ${coming.length} on the way` : ''}
    </p>
    <ul class="coming" aria-label="On the way">
      ${each(
        coming,
        ({ id }) => id,
        ({ id, name, size, sent, error }) => html`
          <li>
            <img data-l-preview="${id}" alt="">
            <span>${name} ${error && html`<b>${REASONS[error]}</b>`}</span>
            <progress max="${size}" value="${sent}" aria-label="${name}"></progress>
            <button type="button" @click="cancel" data-l-value="${id}" aria-label="Cancel ${name}">×</button>
          </li>
        `,
      )}
    </ul>
    <ul class="pictures" aria-label="Pictures">
      ${each(
        pictures,
        ({ id }) => id,
        ({ id, name }) => html`
          <li>
            <img src="/album/pictures/${id}" alt="${name}">
            <button type="button" @click="remove" data-l-value="${id}" aria-label="Remove ${name}">×</button>
          </li>
        `,
      )}
    </ul>
  `,
})

/**
 * @param {string} id
 * @param {string} path
 * @param {string} type
 */
function keep(id, path, type) {
  kept.set(id, { path, type })
  for (const [oldest, file] of [...kept].slice(0, -MOST_KEPT)) {
    kept.delete(oldest)
    void rm(file.path, { force: true })
  }
}

/** @type {import('express').RequestHandler<{ id: string }>} */
export const picture = (request, response) => {
  const file = kept.get(request.params.id)
  if (file === undefined) {
    response.status(404).end()
    return
  }
  // Its first bytes are of that type; a browser must not look for another.
  response.set({ 'content-type': file.type, 'x-content-type-options': 'nosniff' }).sendFile(file.path)
}

export async function albumPage() {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Album – loom-live demo</title>
    <link rel="icon" href="/icon.svg">
    <link rel="stylesheet" href="/style.css">
    <link rel="stylesheet" href="/album.css">
  </head>
  <body>
    <header>
      <h1>Album</h1>
      <p>Pictures go over HTTP beside the socket. Cut the network in the middle: each goes on where it was.</p>
    </header>
    <main class="single">
      <section class="card album-card" aria-labelledby="album">
        <h2 id="album">Pictures <code>album.mjs</code></h2>
        ${await loom.mount(album)}
      </section>
    </main>
    ${loom.script()}
  </body>
</html>`
}
