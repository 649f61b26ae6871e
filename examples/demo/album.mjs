import { mkdirSync, mkdtempSync } from 'node:fs'
import { access, readdir, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { each, html } from 'loom-live'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

/**
 * With `ALBUM` a folder that stays when the process ends, so that the next process goes on with what has arrived.
 * Otherwise it is a folder of this process, and goes with it.
 */
const directory = process.env.ALBUM || mkdtempSync(join(tmpdir(), 'loom-live-album-'))
const coming = join(directory, 'coming')
const arrived = join(directory, 'pictures')
for (const folder of [coming, arrived]) mkdirSync(folder, { recursive: true })
export const uploads = loom.uploads({ directory: coming, shared: true, totalBytes: 500_000_000 })

/** Once nobody writes to it any more. */
export async function endAlbum() {
  // What was under way when the process was ended may still come to its end.
  if (!process.env.ALBUM) await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

const MAX_BYTES = 50_000_000
/** So many pictures of all pages are kept; the oldest goes first. */
const MOST_KEPT = 100

/** What files of these types are called. A browser is told the type by the name. */
const ENDINGS = new Map([
  ['image/png', 'png'],
  ['image/jpeg', 'jpg'],
  ['image/gif', 'gif'],
  ['image/webp', 'webp'],
  ['image/avif', 'avif'],
])

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
    /** @type {{ id: string, name: string, file: string }[]} */
    pictures: [],
    /** @type {readonly import('loom-live').UploadEntry[]} */
    coming: [],
  },
  uploads: {
    picture: {
      accept: [...ENDINGS.keys()],
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
    picture: async (props, { data: { id, name, type, path } }) => {
      const ending = ENDINGS.get(type)
      if (path === undefined || ending === undefined) return
      const file = `${id}.${ending}`
      await keep(path, file)
      return { ...props, pictures: [...props.pictures.slice(-23), { id, name, file }] }
    },
  },
  render: ({ pictures, coming }) => html`
    <form class="zone" data-l-drop="picture">
      <label for="pictures">Choose pictures, drop them here, or paste one</label>
      <input
        id="pictures"
        type="file"
        multiple
        accept="${[...ENDINGS.keys()].join()}"
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
        ({ id, name, file }) => html`
          <li>
            <img src="/album/pictures/${file}" alt="${name}">
            <button type="button" @click="remove" data-l-value="${id}" aria-label="Remove ${name}">×</button>
          </li>
        `,
      )}
    </ul>
  `,
})

/**
 * Puts a picture among those that are shown.
 * @param {string} path where it has arrived
 * @param {string} file
 */
async function keep(path, file) {
  const place = join(arrived, file)
  // After a crash the same message comes again, and the picture may be at its place.
  await rename(path, place).catch(() => access(place))
  const files = await Promise.all(
    (await readdir(arrived)).map(async (name) => {
      const { ctimeMs = 0 } = (await stat(join(arrived, name)).catch(() => undefined)) ?? {}
      return { name, ctimeMs }
    }),
  )
  const byAge = files.sort((one, other) => one.ctimeMs - other.ctimeMs)
  for (const { name } of byAge.slice(0, -MOST_KEPT)) await rm(join(arrived, name), { force: true })
}

// The first bytes of each are of its type; a browser must not look for another.
export const pictures = express.static(arrived, {
  index: false,
  setHeaders: (response) => response.setHeader('x-content-type-options', 'nosniff'),
})

export async function albumPage() {
  return framed(
    { path: '/album', title: 'Album', styles: ['album.css'] },
    `<header>
      <h1>Album</h1>
      <p>Pictures go over HTTP beside the socket. Cut the network in the middle: each goes on where it was.</p>
    </header>
    <main class="single">
      <section class="card album-card" aria-labelledby="album">
        <h2 id="album">Pictures <code>album.mjs</code></h2>
        ${await loom.mount(album)}
      </section>
    </main>`,
  )
}
