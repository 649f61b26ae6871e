// Pages that nobody has thought of: each is written in `html` and in JSX by the same hand, from the same plan.

import type { Tree } from 'loom-live'
import { inside, testLoom } from '../support/site'
import { MODES, run } from './modes'

const PAGES = 120
const SEED = Number(process.env['LOOM_SEED'] ?? Date.now() % 1_000_000)

/** Numbers that are the same for the same seed. */
class Random {
  constructor(private state: number) {}

  below(end: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.state / 2 ** 32) * end)
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item
  }
}

const VALUES = [
  '',
  'x',
  '  two  blanks  ',
  '\n first line is empty',
  '<b>&amp;</b>',
  `"'><script>alert(1)</script>`,
  'javascript:alert(1)',
  '`${1}` \\ {x} zq0q0x',
  '</textarea></p>',
  '\u00a0\u2028é😀',
  0,
  -7.5,
  12n,
  true,
  false,
  null,
  undefined,
]

/** In JavaScript's own words. */
const literal = (value: unknown): string =>
  typeof value === 'bigint' ? `${value}n` : value === undefined ? 'undefined' : JSON.stringify(value)

/** As it stands in a text of JSX, and between its quotes. */
const inText = (text: string): string => text.replace(/[&<>{}]/g, (one) => `&#${one.charCodeAt(0)};`)
const inQuotes = (text: string): string => text.replace(/[&"<>]/g, (one) => `&#${one.charCodeAt(0)};`)

interface Written {
  html: string
  jsx: string
}

const ELEMENTS = ['p', 'div', 'b', 'section', 'x-own', 'ul', 'h1', 'pre']
const VOID = ['br', 'input', 'hr']
const ATTRIBUTES = [
  'title',
  'id',
  'data-a',
  'aria-label',
  'aria-expanded',
  'hidden',
  'disabled',
  'href',
  'lang',
  'data-l-value',
]
const HANDLERS = ['onClick', 'onInput', 'onKeyDown', 'onDblClick']
const TEXTS = ['plain', 'a & b < c > d', 'curly { } braces', '`ticks` ${x} \\n', '&nbsp;', 'it’s "quoted"']

class Author {
  constructor(private readonly random: Random) {}

  element(depth: number): Written {
    const { random } = this
    if (random.below(8) === 0) {
      const name = random.of(VOID)
      const { html, jsx } = this.attributes()
      return { html: `<${name}${html}>`, jsx: `<${name}${jsx} />` }
    }
    const name = random.of(ELEMENTS)
    const attributes = this.attributes()
    const children = this.children(depth)
    return {
      html: `<${name}${attributes.html}>${children.html}</${name}>`,
      jsx: `<${name}${attributes.jsx}>${children.jsx}</${name}>`,
    }
  }

  private attributes(): Written {
    const { random } = this
    const names = new Set(Array.from({ length: random.below(4) }, () => random.of(ATTRIBUTES)))
    const all = [...names].map((name): Written => {
      const value = random.of(VALUES)
      const isText = typeof value === 'string' && !value.includes('\n')
      const jsx =
        isText && random.below(2) === 0
          ? `"${inQuotes(value)}"`
          : `{${random.below(2) === 0 ? literal(value) : this.unknown(value)}}`
      return { html: ` ${name}="\${${literal(value)}}"`, jsx: ` ${name}=${jsx}` }
    })
    if (random.below(4) === 0) {
      const prop = random.of(HANDLERS)
      all.push({ html: ` @${prop.slice(2).toLowerCase()}="go"`, jsx: ` ${prop}="go"` })
    }
    if (random.below(5) === 0) {
      const value = random.of(['red', '1px', 'a; b: c', 'url(x)', ''])
      all.push({
        html: ` style="color: \${${literal(value)}}; --own: \${1}"`,
        jsx: ` style={{ color: ${this.unknown(value)}, '--own': 1 }}`,
      })
    }
    return { html: all.map(({ html }) => html).join(''), jsx: all.map(({ jsx }) => jsx).join('') }
  }

  /** The value, as the compile step cannot know it. */
  private unknown(value: unknown): string {
    return `same(${literal(value)})`
  }

  private children(depth: number): Written {
    const all = Array.from({ length: this.random.below(4) }, () => this.child(depth))
    return { html: all.map(({ html }) => html).join(''), jsx: all.map(({ jsx }) => jsx).join('') }
  }

  private child(depth: number): Written {
    const { random } = this
    const kind = random.below(depth <= 0 ? 3 : 9)
    if (kind === 0) {
      const text = random.of(TEXTS)
      return { html: `\${${literal(text)}}`, jsx: inText(text) }
    }
    if (kind <= 2) {
      const value = random.of(VALUES)
      return { html: `\${${literal(value)}}`, jsx: `{${kind === 1 ? literal(value) : this.unknown(value)}}` }
    }
    if (kind <= 4) return this.element(depth - 1)
    const inner = this.element(depth - 1)
    if (kind === 5) {
      const isThere = random.below(2) === 0
      return {
        html: `\${${isThere} && html\`${inner.html}\`}`,
        jsx: `{same(${isThere}) && ${inner.jsx}}`,
      }
    }
    if (kind === 6) {
      const keys = JSON.stringify(Array.from({ length: random.below(4) }, (_, index) => index))
      return {
        html: `\${${keys}.map((n) => html\`<i title="\${n}">${inner.html}</i>\`)}`,
        jsx: `{${keys}.map((n) => <i title={n} key={n}>${inner.jsx}</i>)}`,
      }
    }
    if (kind === 7) {
      const more = this.children(depth - 1)
      return {
        html: `<em>\${${literal('<')}}</em>\${html\`${more.html}${inner.html}\`}`,
        jsx: `<Box label={${this.unknown('<')}}>${more.jsx}${inner.jsx}</Box>`,
      }
    }
    return { html: inner.html, jsx: `<>${inner.jsx}</>` }
  }
}

function sourceOf(seed: number): string {
  const pages = Array.from({ length: PAGES }, (_, index) => {
    const { html, jsx } = new Author(new Random(seed + index)).element(4)
    return `  { html: () => html\`${html}\`, jsx: () => (${jsx}) },`
  })
  return `import { html } from 'loom-live'
const same = (value) => value
const Box = ({ label, children }) => <><em>{label}</em>{children}</>
export const pages = [
${pages.join('\n')}
]`
}

/** What a page shows of it. A line feed right behind <pre> is one that parsers drop: it stands before a slot. */
async function shown(render: () => Tree): Promise<string> {
  const { loom } = testLoom({ development: false })
  loom.register('page', { props: {}, handle: {}, render })
  return inside(await loom.mount('page')).replace(/(<pre[^>]*>)\n/g, '$1')
}

test.each(Object.keys(MODES))(
  `pages of the seed ${SEED} are the same: %s`,
  async (mode) => {
    const source = sourceOf(SEED)
    const { pages } = run<{ pages: { html: () => Tree; jsx: () => Tree }[] }>(mode, source)
    expect(pages).toHaveLength(PAGES)
    const lines = source.split('\n').filter((line) => line.startsWith('  { html'))
    for (const [index, page] of pages.entries()) {
      const expected = await shown(page.html)
      const found = await shown(page.jsx)
      if (found !== expected) throw new Error(`Page ${index}:\n${lines[index]}\n${expected}\n${found}`)
    }
  },
  120_000,
)
