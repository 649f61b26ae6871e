import { html, raw, type Tree } from 'loom-live'
import { inside, Site, testLoom } from '../support/site'
import { until } from '../support/until'

/** What a page shows of it; each call of `make` renders the same literal. */
async function rendered(make: () => Tree): Promise<string> {
  const { loom } = testLoom()
  loom.register('page', { props: {}, handle: {}, render: make })
  return inside(await loom.mount('page'))
}

/** The error of a template that cannot be made safe. */
async function refusal(make: () => Tree): Promise<string> {
  const { loom } = testLoom()
  loom.register('page', { props: {}, handle: {}, render: make })
  const error: unknown = await loom.mount('page').then(
    (page) => new Error(`Expected an error but received ${page}`),
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ code: 'LOOM_TEMPLATE', name: 'LoomError' })
  return (error as Error).message
}

/** What a promise that should reject was rejected with. */
function codeOf(error: unknown): string {
  return (error as { code: string }).code
}

/** As a browser reads an attribute or a text. */
function decoded(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

const EVIL = `</b><script>alert("1")</script>' onclick='x' &amp; &lt; \``

test('text', async () => {
  const page = await rendered(() => html`<b>${EVIL}</b>`)
  expect(page.slice(3, -4)).not.toMatch(/[<>]/)
  expect(decoded(page)).toBe(`<b>${EVIL}</b>`)
})

test.each<[string, () => Tree, RegExp]>([
  ['double quotes', () => html`<p title="a ${EVIL} b"></p>`, /^<p title="a ([^"<>]*) b"><\/p>$/],
  ['single quotes', () => html`<p title='${EVIL}'></p>`, /^<p title='([^'<>]*)'><\/p>$/],
  // Browsers drop a newline that stands first.
  ['a textarea', () => html`<textarea>${EVIL}</textarea>`, /^<textarea>\n?([^<>]*)<\/textarea>$/],
  ['a title', () => html`<title>${EVIL}</title>`, /^<title>([^<>]*)<\/title>$/],
  ['a data attribute', () => html`<p data-l-value="${EVIL}"></p>`, /^<p data-l-value="([^"<>]*)"><\/p>$/],
  ['an event’s handler', () => html`<p @click=${EVIL}></p>`, /^<p data-l-click="([^"<>]*)"><\/p>$/],
])('an attribute, and its like: %s', async (_, make, pattern) => {
  const page = await rendered(make)
  expect(decoded(pattern.exec(page)?.[1] ?? `no match: ${page}`)).toBe(EVIL)
})

test('several values in one attribute, and a reference begun before one', async () => {
  expect(await rendered(() => html`<p class="a ${'b"'} ${1} c"></p>`)).toMatch(
    /^<p class="a b(&quot;|&#34;) 1 c"><\/p>$/,
  )
  expect(decoded(await rendered(() => html`<p>&am${'p;lt;'}</p>`))).toBe('<p>&amp;lt;</p>')
})

test('boolean attributes are there or not', async () => {
  const button = (on: unknown) => rendered(() => html`<button ?disabled=${on} class="x">y</button>`)
  for (const on of [true, 1, 'yes']) expect(await button(on)).toMatch(/^<button disabled(="")? class="x">y<\/button>$/)
  for (const on of [false, 0, '', null, undefined]) expect(await button(on)).toBe('<button class="x">y</button>')
})

test('values that are no text', async () => {
  expect(await rendered(() => html`<p>${null}${undefined}${false}</p>`)).toBe('<p></p>')
  expect(await rendered(() => html`<p>${0} ${-1.5} ${10n} ${NaN}</p>`)).toBe('<p>0 -1.5 10 NaN</p>')
  expect(await rendered(() => html`<p title="${null}${undefined}${false}${0}"></p>`)).toBe('<p title="0"></p>')
  expect(await rendered(() => html`<p>${[]}</p>`)).toBe('<p></p>')
  expect(await rendered(() => html`<p>${['<', 1, null, html`<i>${'>'}</i>`]}</p>`)).toBe('<p>&lt;1<i>&gt;</i></p>')
  expect(await rendered(() => html`<p>${[[1, [2]], 3]}</p>`)).toBe('<p>123</p>')
})

test('nested templates are subtrees, and raw() is as it stands', async () => {
  expect(await rendered(() => html`<p>${html`<i>${'<'}</i>`}${raw('<hr>&')}</p>`)).toBe('<p><i>&lt;</i><hr>&</p>')
  expect(() => raw(7 as unknown as string)).toThrow('Expected a string for raw()')
})

test.each<[string, () => Tree]>([
  ['an object', () => html`<p>${{}}</p>`],
  ['an object that looks like a tree', () => html`<p>${{ s: ['<hr>'], d: [] }}</p>`],
  ['an object that looks like a template', () => html`<p>${{ statics: ['<hr>'], dynamics: [] }}</p>`],
  ['an object that looks like raw()', () => html`<p>${{ html: '<hr>' }}</p>`],
  ['a function', () => html`<p>${() => 1}</p>`],
  ['a promise', () => html`<p>${Promise.resolve(1)}</p>`],
  ['a symbol', () => html`<p>${Symbol('x')}</p>`],
  ['a Date', () => html`<p>${new Date(0)}</p>`],
  ['a subtree in an attribute', () => html`<p title="${html`<i></i>`}"></p>`],
  ['a list in an attribute', () => html`<p title="${['x']}"></p>`],
  ['raw() in an attribute', () => html`<p title="${raw('"><hr>')}"></p>`],
  ['a subtree in a title', () => html`<title>${html`<i></i>`}</title>`],
])('what cannot stand there is an error that shows the place: %s', async (_, make) => {
  expect(await refusal(make)).toMatch(/<(p|title)/)
})

test.each<[string, (inner: unknown) => unknown]>([
  ['templates', (inner) => html`<p>${inner}</p>`],
  ['arrays', (inner) => [inner]],
  ['arrays of templates', (inner) => [html`<p>${inner}</p>`]],
])('%s that nest too deep are an error that says so', async (_, wrap) => {
  const nested = (levels: number): Tree => {
    let inner: unknown = 'x'
    for (let level = 0; level < levels; level++) inner = wrap(inner)
    return html`${inner}`
  }
  expect(await rendered(() => nested(63))).toContain('x')
  expect(await refusal(() => nested(64))).toMatch(/may nest at most 64 levels deep$/)
})

test.each<[string, () => Tree]>([
  ['a tag’s name', () => html`<${'script'}></p>`],
  ['a part of a tag’s name', () => html`<h${1}></h1>`],
  ['an end tag', () => html`<p></${'p'}>`],
  ['an attribute’s name', () => html`<p ${'onclick'}="x"></p>`],
  ['a part of an attribute’s name', () => html`<p data-${'x'}="y"></p>`],
  ['attributes', () => html`<p ${'class="x"'}></p>`],
  ['an unquoted attribute', () => html`<p class=${'x'}></p>`],
  ['a part of an unquoted attribute', () => html`<p class=a${'x'}></p>`],
  ['a comment', () => html`<p></p><!-- ${'x'} -->`],
  ['a script', () => html`<script>${'x'}</script>`],
  ['a style element', () => html`<style>${'x'}</style>`],
  ['an iframe', () => html`<iframe>${'x'}</iframe>`],
  ['an event attribute', () => html`<p onclick="${'x'}"></p>`],
  ['an event attribute in another case', () => html`<p OnClick="go(${'x'})"></p>`],
  ['srcdoc', () => html`<iframe srcdoc="${'x'}"></iframe>`],
  ['the src of a script', () => html`<script src="${'x'}"></script>`],
  ['the type of a script', () => html`<script type="${'x'}"></script>`],
  ['the href of a base', () => html`<base href="${'x'}">`],
  ['the content of a meta refresh', () => html`<meta http-equiv="refresh" content="${'x'}">`],
  ['the kind of a meta', () => html`<meta http-equiv="${'x'}" content="0;url=/">`],
  ['what decides how the inside is read', () => html`<math><annotation-xml encoding="${'x'}"></annotation-xml></math>`],
  ['what an animation sets', () => html`<svg><set attributeName="${'x'}" to="y"></set></svg>`],
])('a slot in a place that cannot be made safe: %s', async (_, make) => {
  expect(await refusal(make)).toMatch(/[Ss]lot 1 /)
})

test.each<[string, () => Tree]>([
  ['an open tag', () => html`<p>${'x'}</p><p`],
  ['an open attribute', () => html`${'x'}<p title="`],
  ['an open comment', () => html`${'x'}<!--`],
  ['an open script', () => html`${'x'}<script>`],
])('a template ends where it began, in text: %s', async (_, make) => {
  expect(await refusal(make)).not.toBe('')
})

test('html is only for template literals', async () => {
  const call = html as unknown as (statics: unknown, ...dynamics: unknown[]) => Tree
  await expect(rendered(() => call(['<p>', '</p>'], 'x')).catch(codeOf)).resolves.toMatch(/LOOM_/)
})

/** Ways to say `javascript:` that browsers understand (WHATWG URL 4.4). */
const SCRIPTS = [
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'JAVASCRIPT:alert(1)',
  ' javascript:alert(1)',
  '\u0000\u0001\u001f javascript:alert(1)',
  'java\tscript:alert(1)',
  'java\nscript:alert(1)',
  'j\ta\r\nvas\ncri\npt\t:alert(1)',
  '\tjavascript\t:alert(1)',
  'javascript://%0aalert(1)',
  'vbscript:x',
]

/** Every attribute that browsers take a URL from. */
const URLS: Record<string, (url: unknown) => Tree> = {
  'a href': (url) => html`<a href="${url}">x</a>`,
  'A HREF': (url) => html`<A HREF='${url}'>x</A>`,
  'area href': (url) => html`<area href="${url}">`,
  'link href': (url) => html`<link rel="stylesheet" href="${url}">`,
  'link imagesrcset': (url) => html`<link rel="preload" as="image" imagesrcset="${url}">`,
  'form action': (url) => html`<form action="${url}"></form>`,
  'button formaction': (url) => html`<button formaction="${url}"></button>`,
  'input formaction': (url) => html`<input type="submit" formaction="${url}">`,
  'input src': (url) => html`<input type="image" src="${url}">`,
  'iframe src': (url) => html`<iframe src="${url}"></iframe>`,
  'frame src': (url) => html`<frame src="${url}">`,
  'frame longdesc': (url) => html`<frame longdesc="${url}">`,
  'embed src': (url) => html`<embed src="${url}">`,
  'object data': (url) => html`<object data="${url}"></object>`,
  'object codebase': (url) => html`<object codebase="${url}"></object>`,
  'object archive': (url) => html`<object archive="${url}"></object>`,
  'object classid': (url) => html`<object classid="${url}"></object>`,
  'param value': (url) => html`<object><param name="movie" value="${url}"></object>`,
  'img src': (url) => html`<img src="${url}">`,
  'img srcset': (url) => html`<img srcset="${url}">`,
  'img longdesc': (url) => html`<img longdesc="${url}">`,
  'img lowsrc': (url) => html`<img lowsrc="${url}">`,
  'img dynsrc': (url) => html`<img dynsrc="${url}">`,
  'img usemap': (url) => html`<img usemap="${url}">`,
  'source src': (url) => html`<video><source src="${url}"></video>`,
  'source srcset': (url) => html`<picture><source srcset="${url}"></picture>`,
  'track src': (url) => html`<video><track src="${url}"></video>`,
  'video src': (url) => html`<video src="${url}"></video>`,
  'video poster': (url) => html`<video poster="${url}"></video>`,
  'audio src': (url) => html`<audio src="${url}"></audio>`,
  'a ping': (url) => html`<a href="/" ping="${url}">x</a>`,
  'blockquote cite': (url) => html`<blockquote cite="${url}"></blockquote>`,
  'q cite': (url) => html`<q cite="${url}"></q>`,
  'del cite': (url) => html`<del cite="${url}"></del>`,
  'ins cite': (url) => html`<ins cite="${url}"></ins>`,
  'body background': (url) => html`<body background="${url}"></body>`,
  'table background': (url) => html`<table background="${url}"></table>`,
  'html manifest': (url) => html`<html manifest="${url}"></html>`,
  'head profile': (url) => html`<head profile="${url}"></head>`,
  'menuitem icon': (url) => html`<menuitem icon="${url}"></menuitem>`,
  'svg a href': (url) => html`<svg><a href="${url}"></a></svg>`,
  'svg a xlink:href': (url) => html`<svg><a xlink:href="${url}"></a></svg>`,
  'svg a XLINK:HREF': (url) => html`<svg><a XLINK:HREF="${url}"></a></svg>`,
  'svg use href': (url) => html`<svg><use href="${url}"></use></svg>`,
  'svg use xlink:href': (url) => html`<svg><use xlink:href="${url}"></use></svg>`,
  'svg image href': (url) => html`<svg><image href="${url}"></image></svg>`,
  'svg image xlink:href': (url) => html`<svg><image xlink:href="${url}"></image></svg>`,
  'svg animate to': (url) => html`<svg><a><animate attributeName="href" to="${url}"></animate></a></svg>`,
  'svg animate from': (url) => html`<svg><a><animate attributeName="href" from="${url}"></animate></a></svg>`,
  'svg animate by': (url) => html`<svg><a><animate attributeName="href" by="${url}"></animate></a></svg>`,
  'svg animate values': (url) => html`<svg><a><animate attributeName="href" values="x;${url}"></animate></a></svg>`,
  'svg set to': (url) => html`<svg><a><set attributeName="xlink:href" to="${url}"></set></a></svg>`,
  'math href': (url) => html`<math href="${url}"></math>`,
  'xml:base': (url) => html`<svg xml:base="${url}"></svg>`,
}

test.each(Object.keys(URLS))('a script in %s becomes about:invalid, with tabs, entities and case', async (place) => {
  const make = URLS[place] as (url: unknown) => Tree
  for (const script of SCRIPTS) {
    const page = await rendered(() => make(script))
    expect(page).toContain('about:invalid')
    expect(
      decoded(page)
        .replace(/[\0-\x20]/g, '')
        .toLowerCase(),
    ).not.toMatch(/(java|vb)script:/)
  }
  // References in a value are text: the browser gets the ampersand.
  for (const entity of [
    'java&#115;cript:alert(1)',
    '&#106;avascript:alert(1)',
    'javascript&colon;alert(1)',
    'java&Tab;script:x',
  ]) {
    const page = await rendered(() => make(entity))
    expect(page).toMatch(/&amp;|about:invalid/)
    expect(page).not.toContain(entity)
  }
  const good = await rendered(() => make('/path?a=1&b="2"'))
  expect(good).toMatch(/\/path\?a=1&(amp;|#38;)b=(&quot;|&#34;)2(&quot;|&#34;)/)
})

test('a script made of halves, of the template’s own text, or of its references, is one', async () => {
  const halves = [
    () => html`<a href="java${'script:alert(1)'}">x</a>`,
    () => html`<a href="${'java'}${'script:alert(1)'}">x</a>`,
    () => html`<a href="${'javascript'}:alert(1)">x</a>`,
    () => html`<a href="java&#115;cript${':alert(1)'}">x</a>`,
    () => html`<a href="&#x6a;avascript:${'alert(1)'}">x</a>`,
    () => html`<a href="java&Tab;script:${'alert(1)'}">x</a>`,
    () => html`<a href=" &NewLine;${'javascript:alert(1)'}">x</a>`,
  ]
  for (const make of halves) {
    // Refusing such a template outright is as good.
    const page = await rendered(make).catch(codeOf)
    expect(page).toMatch(/^(<a href="about:invalid">x<\/a>|LOOM_TEMPLATE)$/)
  }
})

test('data: is an image where only an image can be, and nothing where a document could', async () => {
  const image = 'data:image/png;base64,AA=='
  expect(await rendered(() => html`<img src="${image}">`)).toBe(`<img src="${image}">`)
  for (const data of [
    'data:text/html,<script>alert(1)</script>',
    'DATA:text/html;base64,AA',
    'data:image/svg+xml,<svg/>',
    ' d\nata:application/xhtml+xml,x',
  ]) {
    expect(await rendered(() => html`<a href="${data}">x</a>`)).toBe('<a href="about:invalid">x</a>')
    expect(await rendered(() => html`<iframe src="${data}"></iframe>`)).toBe('<iframe src="about:invalid"></iframe>')
  }
})

test('honest addresses stay', async () => {
  for (const url of [
    '',
    '/',
    '#top',
    '?q=javascript:x',
    './javascript:x',
    'https://example.org/javascript:',
    'mailto:a@example.org',
    'tel:+431',
    'javascript',
  ]) {
    expect(decoded(await rendered(() => html`<a href="${url}">x</a>`))).toBe(`<a href="${url}">x</a>`)
  }
})

test('a bad link breaks no page, is the same on the wire, and is logged once', async () => {
  const site = await Site.start()
  const links = site.loom.register('links', {
    props: { urls: ['/a', 'javascript:alert(1)'] },
    handle: { set: (_, { value = '' }) => ({ urls: value.split(' ') }) },
    render: ({ urls }) => html`<ul>${urls.map((url) => html`<li><a href="${url}">${url}</a></li>`)}</ul>`,
  })
  const client = await site.live(links)
  expect(client.html('c0')).toContain('<a href="about:invalid">javascript:alert(1)</a>')
  expect(await client.shows('c0', 'set', { value: 'javascript:1 vbscript:2 /b' })).toContain('<a href="/b">/b</a>')
  expect(client.html('c0')).not.toMatch(/href="(java|vb)script/)
  await until('the log', () => site.log.warnings.length > 0)
  expect(site.log.warnings).toHaveLength(1)
  expect(site.log.warnings[0]).toContain('href')
})

test('a style may hold a value, and no second declaration', async () => {
  expect(await rendered(() => html`<p style="color: ${'red'}; width: ${10}px"></p>`)).toBe(
    '<p style="color: red; width: 10px"></p>',
  )
  const values = [
    'red; background: url(//evil.example)',
    'url(javascript:1)',
    'red/*',
    'expression(alert(1))',
    '"',
    '}',
    'red\\;x',
  ]
  for (const value of values) {
    expect(await rendered(() => html`<p style="color: ${value}; top: 0"></p>`)).toBe('<p style="color: ; top: 0"></p>')
  }
})

test('what a component shows on the wire is escaped as on the page', async () => {
  const site = await Site.start()
  const echo = site.loom.register('echo', {
    props: { text: '' },
    handle: { say: (_, { value = '' }) => ({ text: value }) },
    render: ({ text }) => html`<p title="${text}">${text}</p>`,
  })
  const client = await site.live(echo)
  const wire = await client.shows('c0', 'say', { value: EVIL })
  expect(wire).toBe(inside(await site.loom.mount(echo, { text: EVIL })))
  expect(wire).not.toContain('<script')
})

test('a module’s name is escaped where it stands', async () => {
  const { loom } = testLoom()
  const name = `"><script>alert(1)</script>'&`
  loom.register(name, { props: {}, handle: {}, render: () => html`` })
  const page = await loom.mount(name)
  expect(page).not.toContain('<script')
  expect(decoded(/data-l-live="([^"]*)"/.exec(page)?.[1] ?? '')).toBe(name)
})
