// What a page, a user or a network does that it should not: each is refused, and harms nobody else.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLoom, type LoomError } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { notShown } from '../support/passed_over'
import { SECRET, testLoom } from '../support/site'
import { PNG, type UploadPage, UploadSite } from '../support/uploads'
import { until } from '../support/until'

const TEXT = Buffer.from('some text')

/** The server is as it was: another file arrives. */
async function isUnharmed(page: UploadPage): Promise<void> {
  const { id } = await page.upload('unharmed.txt', TEXT)
  expect((await page.site.state()).handed.map((file) => file.id)).toContain(id)
}

const FILE = { name: 'a.txt', size: TEXT.length }

test('what breaks the rules is refused before a byte moves', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  const asked = await page.ask(
    { name: 'a.txt', size: 4_000_001 },
    { name: 'a.exe', size: 1, type: 'application/x-msdownload' },
    { name: 'a.txt', size: -1 },
    { name: 'a.txt', size: 1.5 },
    { name: 'a.txt', size: 2 ** 60 },
    ...Array<typeof FILE>(5).fill(FILE),
  )
  const of = (error: string | undefined) => asked.filter((one) => one.error === error).length
  expect([of('large'), of('type'), of('many'), of(undefined)]).toEqual([1, 1, 0, 3])
  const more = await page.ask(FILE, FILE)
  expect(more.map(({ error }) => error)).toEqual([undefined, 'many'])
  expect(site.names).toEqual([])
  // One that is given up makes room.
  expect((await page.request('DELETE', asked.find(({ permit }) => permit !== undefined) as never)).status).toBe(204)
  expect((await page.ask(FILE))[0]?.error).toBeUndefined()
})

test('names are no paths, and say what they can', async () => {
  const site = await UploadSite.start({ rules: { accept: [] } })
  const page = await site.page()
  for (const [name, kept] of [
    ['../../etc/passwd', 'passwd'],
    ['C:\\files\\a.txt', 'a.txt'],
    ['a\0b\n\x1b[31m.txt', 'ab[31m.txt'],
    ['\u202etxt.exe', 'txt.exe'],
    ['😀 œuvre.png.txt', '😀 œuvre.png.txt'],
    ['\ud83d.txt', '\ufffd.txt'],
    ['..', 'file'],
    ['', 'file'],
    [' .. ', 'file'],
    ['x'.repeat(10_000), 'x'.repeat(255)],
    ['😀'.repeat(100), '😀'.repeat(63)],
  ] as const) {
    const asked = await page.upload(name, TEXT)
    const { handed } = await site.state()
    expect([name, handed.at(-1)?.name, handed.at(-1)?.path]).toEqual([name, kept, `${site.directory}/${asked.id}`])
  }
})

test('a file that is larger than it said, or smaller', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  const asked = await page.permit(FILE)
  const large = Buffer.alloc(100, 'x')
  expect((await page.post(asked, large)).status).toBe(413)
  expect((await page.post(asked, large, { 'upload-length': String(FILE.size) })).status).toBe(413)
  // Nothing is said of the length of the body.
  expect(await page.offset(asked)).toBe(0)
  const headers = {
    'upload-offset': '0',
    'content-type': 'application/offset+octet-stream',
    'transfer-encoding': 'chunked',
  }
  const { status } = await page.request('PATCH', asked, headers, undefined, undefined, large)
  expect(status).toBe(413)
  expect(await page.offset(asked)).toBeLessThanOrEqual(FILE.size)
  expect((await page.done(asked.permit))?.over?.error).toBe('gone')
  const small = await page.permit(FILE)
  await page.post(small, TEXT.subarray(0, 3), { 'upload-length': String(FILE.size) })
  expect((await page.done(small.permit))?.over?.error).toBe('gone')
  await isUnharmed(page)
})

test('a file of another type than it said', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  for (const [name, type] of [
    ['a.png', 'image/png'],
    ['a.png', 'image/x-unknown'],
    ['a.txt', 'image/jpeg'],
  ] as const) {
    const asked = await page.permit({ name, type, size: TEXT.length })
    const { status, body } = await page.post(asked, TEXT)
    expect([name, type, status, body]).toEqual([name, type, 415, 'type'])
    expect(existsSync(`${site.directory}/${asked.id}`)).toBe(false)
    expect((await page.done(asked.permit))?.over?.error).toBe('gone')
    // The permit is spent.
    expect((await page.post(asked, TEXT)).status).toBe(410)
  }
  await page.upload('a.png', PNG, 'image/png')
  expect((await site.state()).handed.map(({ name }) => name)).toEqual(['a.png'])
})

test('a permit of another user, of another component, twice, for another file, or none', async () => {
  const site = await UploadSite.start()
  const [ada, bob, again] = [await site.page('ada'), await site.page('bob'), await site.page('ada')]
  const other = await site.page('ada', 'other')
  const asked = await ada.permit(FILE)
  expect((await bob.post(asked, TEXT)).status).toBe(403)
  expect((await ada.post(asked, TEXT)).status).toBe(201)
  // Twice: the file is there, and then it is taken.
  expect((await ada.post(asked, TEXT)).status).toBe(409)
  expect((await ada.patch(asked, 0, TEXT)).status).toBe(409)
  expect((await bob.request('HEAD', asked)).status).toBe(403)
  expect((await bob.request('DELETE', asked)).status).toBe(403)
  for (const page of [bob, again, other]) expect((await page.done(asked.permit))?.over?.error).toBe('gone')
  expect((await ada.say({ u: 'away', d: asked.permit }))?.over?.error).toBe('gone')
  expect((await ada.done(asked.permit))?.over).toEqual({ id: asked.id })
  for (const method of ['POST', 'HEAD', 'DELETE'])
    expect((await ada.request(method, asked, { 'upload-length': String(FILE.size) })).status).toBe(410)
  const second = await ada.permit(FILE)
  expect((await ada.patch({ ...second, id: asked.id, permit: second.permit }, 0, TEXT)).status).toBe(403)
  for (const permit of ['', 'x', 'A'.repeat(10_000), second.permit.slice(1), `${second.permit.slice(0, -4)}AAAA`]) {
    expect((await ada.post({ k: '', id: '', permit }, TEXT)).status).toBe(403)
    expect((await ada.done(permit))?.over?.error).toBe('gone')
  }
  // A page's own token is sealed with another key.
  const token = ada.live.memory.secret
  expect((await ada.post({ k: '', id: '', permit: token }, TEXT)).status).toBe(403)
  expect((await site.state()).handed.length).toBe(1)
})

test('a permit that is too old', async () => {
  const site = await UploadSite.start({ options: { permitTime: 300 } })
  const page = await site.page()
  const asked = await page.permit(FILE)
  await until('the permit to be too old', async () => (await page.request('HEAD', asked)).status === 410)
  expect((await page.post(asked, TEXT)).status).toBe(410)
  expect((await page.done(asked.permit))?.over?.error).toBe('gone')
})

test('pieces out of order, requests that are no tus, and other methods', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  const asked = await page.permit(FILE)
  expect((await page.patch(asked, 0, TEXT)).status).toBe(404)
  await page.post(asked, TEXT.subarray(0, 4), { 'upload-length': String(FILE.size) })
  expect((await page.patch(asked, 5, TEXT.subarray(5))).status).toBe(409)
  expect((await page.patch(asked, 0, TEXT)).status).toBe(409)
  expect(await page.offset(asked)).toBe(4)
  expect((await page.request('PATCH', asked, { 'upload-offset': 'x' }, TEXT.subarray(4))).status).toBe(400)
  expect((await page.request('PATCH', asked, { 'tus-resumable': '0.2' }, TEXT)).status).toBeGreaterThanOrEqual(400)
  for (const method of ['GET', 'PUT']) expect((await page.request(method, asked)).status).toBe(405)
  const { status, headers } = await page.request('OPTIONS', asked)
  expect([status, headers['tus-version'], headers['access-control-allow-origin']]).toEqual([204, '1.0.0', undefined])
  expect((await page.post(await page.permit(FILE), TEXT, { origin: 'https://evil.example' })).status).toBe(403)
  expect((await page.post(await page.permit(FILE), TEXT, { 'upload-concat': 'partial' })).status).toBe(400)
  for (const id of ['..%2f..%2fx', 'a'.repeat(5000), '%00', '%zz'])
    expect((await page.request('PATCH', { ...asked, id }, { 'upload-offset': '0' }, TEXT)).status).toBe(403)
  expect((await page.patch(asked, 4, TEXT.subarray(4))).status).toBe(204)
  await isUnharmed(page)
})

test('events that say nothing of an upload', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  for (const value of [
    '',
    '{',
    '[]',
    'null',
    '{"u":"photo","a":[1]}',
    '{"u":"photo","l":{}}',
    '{"u":"constructor"}',
    '{"u":1}',
  ]) {
    const told = await page.say(value)
    expect([value, told]).toEqual([value, undefined])
  }
  expect(page.live.text).not.toContain('progress')
  expect(
    (await page.say({ u: 'photo', a: Array(1000).fill({ k: 'x', name: 'a.exe', type: 'x', size: 1 }) }))?.asked?.length,
  ).toBe(8)
  await isUnharmed(page)
})

test('more files than the server has room for', async () => {
  const site = await UploadSite.start({ options: { totalBytes: 1000, perAddress: 3 } })
  const pages = [await site.page(), await site.page()] as const
  const asked = await pages[0].ask({ name: 'a.txt', size: 600 }, { name: 'b.txt', size: 600 }, FILE, FILE, FILE)
  expect(asked.map(({ error }) => error)).toEqual([undefined, 'full', undefined, undefined, 'full'])
  expect((await pages[1].ask(FILE))[0]?.error).toBe('full')
  // What is under way counts in the next process, too.
  await pages[0].request('POST', asked[0] as never, { 'upload-length': '600' }, Buffer.alloc(1))
  // Its pages would ask again for what they have asked for.
  for (const { live } of pages) live.end()
  await site.restart()
  const page = await site.page()
  expect((await page.ask({ name: 'b.txt', size: 600 }, FILE)).map(({ error }) => error)).toEqual(['full', undefined])
})

test('permits that are used when their places were given away count with the others', async () => {
  const site = await UploadSite.start({ options: { perAddress: 3, idleTime: 200 } })
  const page = await site.page()
  const old = await page.ask(FILE, FILE, FILE)
  expect((await page.ask(FILE))[0]?.error).toBe('full')
  // Each place is given away when its own time is over: what is asked for between may get one of them.
  const kept = await until('two places to be free', async () => {
    const asked = await page.ask(FILE, FILE)
    return asked.every(({ error }) => error === undefined) ? asked : undefined
  })
  // A request that does not end holds its place.
  for (const one of kept)
    void page.request('POST', one, { 'upload-length': String(FILE.size), 'content-length': '9' }, undefined, 1)
  const statuses = await Promise.all(
    old.map(async (one) => (await page.request('POST', one, { 'upload-length': String(FILE.size) })).status),
  )
  expect(statuses.filter((status) => status === 507).length).toBeGreaterThanOrEqual(2)
})

test('those who ask at the same time count', async () => {
  const site = await UploadSite.start({ options: { perAddress: 3 } })
  const pages = await Promise.all(Array.from({ length: 8 }, () => site.page()))
  const asked = await Promise.all(pages.map((page) => page.ask(FILE)))
  expect(asked.flat().filter(({ error }) => error === undefined)).toHaveLength(3)
})

test('files of one IPv6 network count together, as its connections do', async () => {
  const first = '2001:db8:1:2::9'
  for (const [addressPrefix, address, error] of [
    [64, '2001:db8:1:2:ffff::1', 'full'],
    [64, '2001:db8:1:3::9', undefined],
    [48, '2001:db8:1:3::9', 'full'],
    [48, '2001:db8:2:2::9', undefined],
    [128, '2001:db8:1:2::a', undefined],
    [128, '2001:0DB8:1:2:0::9', 'full'],
  ] as const) {
    const loomOptions = { trustProxy: true, limits: { addressPrefix } }
    const site = await UploadSite.start({ loomOptions, options: { perAddress: 1 } })
    const pages = [await site.page('', 'album', first), await site.page('', 'album', address)] as const
    expect((await pages[0].ask(FILE))[0]?.error).toBeUndefined()
    expect([addressPrefix, address, (await pages[1].ask(FILE))[0]?.error]).toEqual([addressPrefix, address, error])
  }
})

test.each([
  ['10.0.0.7', '10.0.0.7'],
  ['10.0.0.7:5000', '10.0.0.7'],
  ['::ffff:10.0.0.7', '10.0.0.7'],
  ['::ffff:a00:7', '10.0.0.7'],
  ['[::ffff:10.0.0.7%eth0]:443', '10.0.0.7'],
  ['2001:db8:1:2::9', '20010db800010002/64'],
  ['[2001:db8:1:2:3:4:5:6]:443', '20010db800010002/64'],
  [' fe80::1%eth0 ', 'fe80000000000000/64'],
  ['64:ff9b::1.2.3.4', '64ff9b00000000/64'],
  ['::1', '0/64'],
  ['', ''],
  ['unknown', 'unknown'],
  ['1.2.3', '1.2.3'],
  ['x'.repeat(1000), 'x'.repeat(64)],
])('the address %s counts as %s', (address, counted) => {
  const { networkOf } = jest.requireActual<{ networkOf(address: string, prefix: number): string }>(
    '../../lib/uploads/network.ts',
  )
  expect(networkOf(address, 64)).toBe(counted)
})

test('what nobody sends on, and what nobody takes, is removed', async () => {
  const site = await UploadSite.start({ options: { idleTime: 300, keepTime: 300 } })
  const page = await site.page()
  const half = await page.permit(FILE)
  await page.post(half, TEXT.subarray(0, 4), { 'upload-length': String(FILE.size) })
  const whole = await page.permit(FILE)
  await page.post(whole, TEXT)
  await page.upload('taken.txt', TEXT)
  page.live.end()
  await until(
    'all but what was taken to be gone',
    () => site.names.filter((name) => /^[\w-]{22}$/.test(name)).length === 1,
  )
  const [{ id } = { id: '' }] = (await site.state()).handed
  expect(site.names).toContain(id)
})

test('a page cannot keep what it does not take', async () => {
  const site = await UploadSite.start({ options: { keepTime: 300 } })
  const page = await site.page()
  const whole = await page.permit(FILE)
  await page.post(whole, TEXT)
  const { id } = whole
  const l = [{ id, name: 'a.txt', type: 'text/plain', size: TEXT.length, sent: TEXT.length }]
  await until('the file to be gone', async () => {
    await page.say({ u: 'photo', l })
    return !existsSync(`${site.directory}/${id}`)
  })
})

test('what a process has left behind is removed by the next one, and files that were taken stay', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'loom-uploads-'))
  const old = new Date(Date.now() - 10 * 86_400_000)
  const put = (name: string, text: string): void => {
    writeFileSync(join(directory, name), text)
    utimesSync(join(directory, name), old, old)
  }
  for (const [letter, marker] of [
    ['a', ''],
    ['k', 'kept event'],
    ['c', 'claimed event'],
  ] as const) {
    const id = letter.repeat(22)
    put(id, 'text')
    put(`${id}.json`, JSON.stringify({ id, size: 9 }))
    if (marker) put(`${id}.taken`, marker)
  }
  put('readme', 'none of ours')
  const site = await UploadSite.start({ options: { idleTime: 300, keepTime: 300 } }, directory)
  await until('the sweep', () => site.names.length === 2)
  expect(site.names).toEqual(['k'.repeat(22), 'readme'])
})

test('an upload whose component has ended is removed', async () => {
  const site = await UploadSite.start({
    options: { idleTime: 500, keepTime: 500 },
    loomOptions: { limits: { parkTime: 100 } },
  })
  const page = await site.page()
  const asked = await page.permit(FILE)
  await page.post(asked, TEXT.subarray(0, 4), { 'upload-length': String(FILE.size) })
  page.live.end()
  await until('the file to be gone', () => site.names.length === 0)
  expect((await page.patch(asked, 4, TEXT.subarray(4))).status).toBe(404)
  expect((await site.state()).handed).toEqual([])
})

test('a connection that stays open and sends nothing gives way to another', async () => {
  const site = await UploadSite.start()
  const page = await site.page()
  const asked = await page.permit(FILE)
  const socket = connect(site.server.port, '127.0.0.1')
  atEnd(() => socket.destroy())
  socket.write(
    `POST /loom/uploads HTTP/1.1\r\nhost: x\r\ntus-resumable: 1.0.0\r\ncookie: user=\r\nloom-permit: ${asked.permit}\r\n` +
      `upload-length: ${FILE.size}\r\ncontent-type: application/offset+octet-stream\r\ncontent-length: ${FILE.size}\r\n\r\n${TEXT.subarray(0, 4).toString()}`,
  )
  await until('the file to be there', () => existsSync(`${site.directory}/${asked.id}.json`))
  const offset = await until('the other to get its turn', () => page.offset(asked))
  expect(offset).toBe(4)
  expect((await page.patch(asked, 4, TEXT.subarray(4))).status).toBe(204)
})

test('a disk that is full', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'loom-uploads-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    notShown('a small disk for uploads cannot be mounted here (it takes root)')
    rmSync(directory, { recursive: true })
    return
  }
  atEnd(() => execFileSync('umount', ['-l', directory]))
  const site = await UploadSite.start({}, join(directory, 'files'))
  const page = await site.page()
  // Known before a byte moves.
  expect((await page.ask({ name: 'a.txt', size: 3_000_000 }))[0]?.error).toBe('full')
  const body = Buffer.alloc(1_000_000, 'x')
  const asked = await page.permit({ name: 'a.txt', size: body.length })
  // Others fill it meanwhile.
  mkdirSync(join(directory, 'others'))
  writeFileSync(join(directory, 'others', 'x'), Buffer.alloc(1_500_000))
  const { status, body: why } = await page.post(asked, body)
  expect([status, why]).toEqual([507, 'full'])
  expect((await site.state()).log.join()).toContain('the disk of loom.uploads is full: a file of 1000000 bytes failed')
  // And give it back: it goes on at its offset.
  truncateSync(join(directory, 'others', 'x'))
  const offset = (await page.offset(asked)) ?? -1
  expect(offset).toBeGreaterThanOrEqual(0)
  expect((await page.patch(asked, offset, body.subarray(offset))).status).toBe(204)
  expect((await page.done(asked.permit))?.over).toEqual({ id: asked.id })
  expect((await site.state()).handed[0]?.bytes).toBe(body.length)
})

describe('a mistake of the application is told at once', () => {
  const receive = { photo: () => undefined, bars: () => undefined }
  const module = (uploads: unknown, rest: object = {}): never =>
    ({ handle: {}, receive, uploads, render: () => '', ...rest }) as never
  test.each([
    [[], /an object of uploads/],
    [{ 'no name': {} }, /1 to 64 letters/],
    [{ photos: {} }, /a receiver of that name/],
    [{ photo: { acept: [] } }, /did you mean "accept"/],
    [{ photo: { accept: ['png'] } }, /a list like/],
    [{ photo: { accept: 'image/*' } }, /a list like/],
    [{ photo: { maxFiles: 0 } }, /from 1 to 1000/],
    [{ photo: { maxBytes: 0.5 } }, /a whole number/],
    [{ photo: { chunkBytes: 10 } }, /from 65536/],
    [{ photo: { progress: 'bar' } }, /the name of another receiver/],
    [{ photo: { progress: 'photo' } }, /the name of another receiver/],
    [{ photo: { direct: 'url' } }, /a function/],
  ])('uploads %j', (uploads, message) => {
    const { loom } = testLoom()
    expect(() => loom.register('album', module(uploads))).toThrow(message)
  })

  test('a handler that has the name which uploads need', () => {
    const { loom } = testLoom()
    expect(() => loom.register('album', module({ photo: {} }, { handle: { 'loom.upload': () => undefined } }))).toThrow(
      /other than/,
    )
  })

  test.each([
    [{}, /one of two options: directory or store/],
    [{ directory: 'x', store: {} }, /one of two options: directory or store/],
    [{ directory: '' }, /not empty/],
    [{ store: { write: () => undefined } }, /a store of @tus\/server/],
    [{ directory: 'x', idelTime: 1 }, /did you mean "idleTime"/],
    [{ directory: 'x', idleTime: 1 }, /from 100/],
    [{ directory: 'x', shared: 1 }, /true or false/],
  ])('loom.uploads(%j)', (options, message) => {
    const { loom } = testLoom()
    expect(() => loom.uploads(options as never)).toThrow(message)
  })

  test('with a backplane files on one disk', () => {
    const loom = createLoom({
      secret: SECRET,
      backplane: { redis: 'redis://127.0.0.1:1' },
      logger: { error: () => undefined, warn: () => undefined },
    })
    atEnd(() => loom.close({ timeout: 0 }))
    let code = ''
    try {
      loom.uploads({ directory: join(tmpdir(), 'loom-not-shared') })
    } catch (error) {
      code = (error as LoomError).code
    }
    expect(code).toBe('LOOM_ARGUMENT')
  })
})
