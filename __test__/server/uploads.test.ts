import { existsSync, readFileSync } from 'node:fs'
import { PNG, UploadSite } from '../support/uploads'
import { until } from '../support/until'

const TEXT = Buffer.from('what somebody has written\n'.repeat(100))

test.each([undefined, 'express', 'fastify'] as const)(
  'a file arrives and is handed over once (%s)',
  async (framework) => {
    const site = await UploadSite.start(framework === undefined ? {} : { framework })
    const page = await site.page()
    const asked = await page.permit({ name: 'a text.txt', size: TEXT.length })
    const { status, headers } = await page.post(asked, TEXT)
    expect([status, headers['upload-offset'], headers['location']]).toEqual([
      201,
      String(TEXT.length),
      `/loom/uploads/${asked.id}`,
    ])
    expect(headers['access-control-allow-origin']).not.toBe('*')
    expect((await page.done(asked.permit))?.over).toEqual({ id: asked.id })
    const { handed, log } = await site.state()
    const path = `${site.directory}/${asked.id}`
    expect(handed).toEqual([
      { id: asked.id, name: 'a text.txt', type: 'text/plain', size: TEXT.length, path, bytes: TEXT.length },
    ])
    expect(readFileSync(path).equals(TEXT)).toBe(true)
    expect(page.live.text).toContain(`a text.txt ${TEXT.length}`)
    expect(log).toEqual([])
  },
)

test('a cut upload goes on at its offset, in pieces, also in a process that was killed and started again', async () => {
  const site = await UploadSite.start({ rules: { maxBytes: 4_000_000 } })
  const page = await site.page()
  const body = Buffer.alloc(3_000_000, 'abc ')
  const asked = await page.permit({ name: 'a.txt', size: body.length })
  await page.request('POST', asked, { 'upload-length': String(body.length) }, body, 1_000_000)
  const offset = await until('the part that arrived', () => page.offset(asked))
  expect(offset).toBeGreaterThan(0)
  expect(offset).toBeLessThanOrEqual(1_000_000)
  await site.restart()
  await until('the page to be back', () => page.live.isLive)
  const found = await until('the same part', () => page.offset(asked))
  expect(found).toBe(offset)
  const end = found + 1000
  expect((await page.patch(asked, found, body.subarray(found, end))).status).toBe(204)
  expect((await page.patch(asked, end, body.subarray(end))).status).toBe(204)
  expect((await page.done(asked.permit))?.over).toEqual({ id: asked.id })
  const { handed } = await site.state()
  expect(handed.map(({ bytes }) => bytes)).toEqual([body.length])
  expect(readFileSync(`${site.directory}/${asked.id}`).equals(body)).toBe(true)
})

test('a large file with five cuts arrives whole, and the server holds little of it', async () => {
  const site = await UploadSite.start({ rules: { maxBytes: 100_000_000 } })
  const page = await site.page()
  const body = Buffer.alloc(64_000_000, 'abcdefg ')
  await page.upload('first.txt', TEXT)
  const { memory: before } = await site.state()
  const asked = await page.permit({ name: 'large.txt', size: body.length })
  let [offset, most] = [0, 0]
  for (let cut = 0; cut < 5; cut++) {
    const rest = body.subarray(offset)
    const first = { 'upload-length': String(body.length) }
    const headers = offset === 0 ? first : { 'upload-offset': String(offset) }
    await page.request(offset === 0 ? 'POST' : 'PATCH', asked, headers, rest, 10_000_000)
    offset = await until('what has arrived', () => page.offset(asked))
    most = Math.max(most, (await site.state()).memory)
  }
  expect(offset).toBeGreaterThan(0)
  expect((await page.patch(asked, offset, body.subarray(offset))).status).toBe(204)
  most = Math.max(most, (await site.state()).memory)
  await page.done(asked.permit)
  expect(readFileSync(`${site.directory}/${asked.id}`).equals(body)).toBe(true)
  expect(most - before).toBeLessThan(64 * 2 ** 20)
}, 60_000)

test('a page that is loaded anew goes on with what it had begun; another user cannot', async () => {
  const site = await UploadSite.start()
  const page = await site.page('ada')
  const asked = await page.permit({ name: 'a.txt', size: TEXT.length })
  await page.request('POST', asked, { 'upload-length': String(TEXT.length) }, TEXT.subarray(0, 10), undefined)
  page.live.end()
  const again = await site.page('ada')
  const other = await site.page('bob')
  const file = { name: 'a.txt', size: TEXT.length, permit: asked.permit }
  const [same] = await again.ask(file)
  expect(same?.id).toBe(asked.id)
  expect((await other.ask(file))[0]?.id).not.toBe(asked.id)
  // Another file is not the one that was begun.
  expect((await again.ask({ ...file, name: 'b.txt' }))[0]?.id).not.toBe(asked.id)
  const permit = { id: asked.id, permit: same?.permit ?? '', k: '' }
  expect(await again.offset(permit)).toBe(10)
  expect((await again.patch(permit, 10, TEXT.subarray(10))).status).toBe(204)
  // The first page's component has given this permit, and another one hands the file over.
  expect((await again.done(asked.permit))?.over?.error).toBe('gone')
  expect((await again.done(permit.permit))?.over).toEqual({ id: asked.id })
  expect((await site.state()).handed.length).toBe(1)
})

test('the receiver named by progress is told what is under way, what failed with it, and nothing in the end', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  const [first, refused] = await page.ask({ name: 'a.txt', size: TEXT.length }, { name: 'a.exe', size: 1, type: 'a/b' })
  expect(refused).toEqual({ k: 'p1', id: refused?.id, error: 'type' })
  expect(page.live.text).toContain('a.txt')
  expect(page.live.text).toContain('<i>type</i>')
  const entry = { id: first?.id, name: 'a.txt', type: 'text/plain', size: TEXT.length }
  await page.say({ u: 'photo', l: [{ ...entry, sent: 100 }] })
  expect(page.live.text).toContain(`<progress max="${TEXT.length}" value="100">`)
  expect(page.live.text).not.toContain('a.exe')
  // A page says what it likes of its own bars, within bounds.
  await page.say({
    u: 'photo',
    l: [{ ...entry, sent: 1e12, error: '<b>' }, { id: '../x', name: 1 }, ...Array<object>(5000).fill(entry)],
  })
  expect(page.live.text).toContain(`value="${TEXT.length}"`)
  expect(page.live.text).not.toContain('<i>&')
  await page.say({ u: 'photo', l: [] })
  expect(page.live.text).not.toContain('<progress')
})

test('ctx.cancelUpload ends an upload: what has arrived is gone, and nobody gets the file', async () => {
  const site = await UploadSite.start()
  const [page, other] = [await site.page(), await site.page()]
  const asked = await page.permit({ name: 'a.txt', size: TEXT.length })
  expect((await page.post({ ...asked }, TEXT.subarray(0, 10), { 'upload-length': String(TEXT.length) })).status).toBe(
    201,
  )
  // Another component's upload is none of its.
  const foreign = other.live.event('cancel', asked.id)
  await until('the answer', () => foreign.answered)
  expect(await page.offset(asked)).toBe(10)
  const sent = page.live.event('cancel', asked.id)
  await until('the answer', () => sent.answered)
  expect(page.live.pushes.at(-1)).toEqual(['loom.upload', { cancel: asked.id }])
  await until('the file to be gone', () => !existsSync(`${site.directory}/${asked.id}`))
  expect((await page.patch(asked, 10, TEXT.subarray(10))).status).toBe(410)
  expect((await page.post(asked, TEXT)).status).toBe(410)
  expect((await page.done(asked.permit))?.over?.error).toBe('gone')
  expect((await site.state()).handed).toEqual([])
})

test('a file that its receiver throws at is taken by nobody, and one whose step fails to render neither', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  for (const mood of ['throw', 'no render']) {
    const asked = await page.permit({ name: 'a.txt', size: TEXT.length })
    await page.post(asked, TEXT)
    await site.state(mood)
    await page.done(asked.permit)
    await until('the file to be gone', () => !existsSync(`${site.directory}/${asked.id}`))
    expect((await site.state('none')).handed.map(({ id }) => id)).toContain(asked.id)
    expect((await page.done(asked.permit))?.over?.error).toBe('gone')
  }
  expect(page.live.text).not.toContain('a.txt')
})

test('an event that is handled again after a crash gets the same file, and no other event does', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  const asked = await page.permit({ name: 'a.png', size: PNG.length, type: 'image/png' })
  await page.post(asked, PNG)
  await page.done(asked.permit)
  expect((await page.done(asked.permit))?.over?.error).toBe('gone')
  await site.restart()
  await until('the page to be back, with its file', () => page.live.isSettled && page.live.text.includes('a.png'))
  expect((await page.done(asked.permit))?.over?.error).toBe('gone')
  const { handed } = await site.state()
  expect([...new Set(handed.map(({ id }) => id))].length).toBeLessThanOrEqual(1)
  expect(existsSync(`${site.directory}/${asked.id}`)).toBe(true)
})

test('a direct upload goes elsewhere, and its receiver is told what it is called there', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  const [asked, failed] = await page.askFor('away', { name: 'a.txt', size: 5 }, { name: 'refused.txt', size: 5 })
  expect(failed?.error).toBe('failed')
  expect(asked?.direct).toEqual({ url: `/elsewhere/${asked?.id}`, method: 'PUT', headers: { 'x-for': 'a.txt' } })
  // The permit is none for files that come here.
  expect((await page.post(asked as never, Buffer.from('12345'))).status).toBe(403)
  expect((await page.done(asked?.permit ?? '', 'away'))?.over).toEqual({ id: asked?.id })
  expect((await page.done(asked?.permit ?? '', 'away'))?.over?.error).toBe('gone')
  expect((await site.state()).handed).toEqual([{ id: asked?.id, name: 'a.txt', key: 'key of a.txt' }])
  expect((await site.state()).log.join()).toContain('direct of upload "away" of module album: no')
})
