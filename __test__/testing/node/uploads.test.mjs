// Files, sent over HTTP in memory, whole or to a part. Run by node:test: Jest cannot load @tus/server, an ES module.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createLoom, html } from 'loom-live'
import { openPage } from 'loom-live/testing'

const silent = { error: () => undefined, warn: () => undefined }
const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })
const directory = mkdtempSync(join(tmpdir(), 'loom-live-testing-'))
loom.uploads({ directory })

after(async () => {
  await loom.close()
  rmSync(directory, { recursive: true, force: true })
})

const album = loom.register('album', {
  props: { photos: [], coming: [] },
  uploads: { photo: { accept: ['image/png'], maxBytes: 1_000_000, maxFiles: 2, progress: 'coming' } },
  handle: { cancel: (props, { value }, ctx) => ctx.cancelUpload(value) },
  receive: {
    coming: (props, { data }) => ({ ...props, coming: data }),
    photo: (props, { data }) => ({ ...props, photos: [...props.photos, `${data.name} ${data.size}`] }),
  },
  render: ({ photos, coming }) => html`
    <input type="file" data-l-upload="photo" multiple>
    <p>${photos.join()}</p>
    <output>${coming.map(({ name, sent, size, error }) => `${name} ${error ?? `${sent} of ${size}`}`).join()}</output>
    ${coming.map(({ id }) => html`<button @click="cancel" data-l-value="${id}">cancel</button>`)}
  `,
})

const png = (name, size) => {
  const content = new Uint8Array(size)
  content.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return { name, type: 'image/png', content }
}

async function open(t) {
  const page = await openPage(loom, album)
  t.after(() => page.close())
  return page
}

test('files are uploaded, and their component has them', async (t) => {
  const page = await open(t)
  await page.upload('input', png('a.png', 1_000))
  assert.equal(page.text('p'), 'a.png 1000')
  await page.upload('input', [png('b.png', 20), png('c.png', 30)])
  const { photos } = await page.props()
  assert.deepEqual(photos.toSorted(), ['a.png 1000', 'b.png 20', 'c.png 30'])
})

test('half of a file is there, and the rest comes later', async (t) => {
  const page = await open(t)
  const upload = await page.upload('input', png('a.png', 1_000), { upTo: 0.5 })
  assert.deepEqual([page.text('p'), page.text('output')], ['', 'a.png 500 of 1000'])
  await upload.finish()
  assert.deepEqual([page.text('p'), page.text('output')], ['a.png 1000', ''])
})

test('an upload that is stopped on its way can be cancelled', async (t) => {
  const page = await open(t)
  await page.upload('input', png('a.png', 1_000), { upTo: 0.5 })
  await page.click('button', { text: 'cancel' })
  assert.deepEqual([page.text('p'), page.text('output')], ['', ''])
})

test('what breaks the rules is refused, and the page says why', async (t) => {
  const page = await open(t)
  await page.upload('input', { name: 'a.txt', type: 'text/plain', content: 'text' })
  assert.equal(page.text('p'), '')
  assert.match(page.text('output'), /^a\.txt \w+/)
})

test('an element that takes no files is an error, and a part of the bytes is above 0', async (t) => {
  const page = await open(t)
  await assert.rejects(page.upload('p', png('a.png', 10)), /is no file input/)
  await assert.rejects(page.upload('input', png('a.png', 10), { upTo: 0 }), /upTo/)
})
