// The site that is made of docs/. scripts/docs.mjs puts its pages together in pages/.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitepress'
import { GROUPS, importedAs } from './pages.mjs'

const pages = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..', 'pages')

const titleOf = (name) =>
  /^# (.+)$/m.exec(readFileSync(join(pages, `${name}.md`), 'utf8'))?.[1].replaceAll('`', '') ?? name

function sidebar() {
  const there = readdirSync(pages)
    .filter((file) => file.endsWith('.md') && file !== 'index.md')
    .map((file) => file.slice(0, -3))
  const grouped = new Set(GROUPS.flatMap(([, names]) => names))
  const groups = [...GROUPS, ['More', there.filter((name) => !grouped.has(name)).sort()]].map(([text, names]) => ({
    text,
    items: names
      .filter((name) => there.includes(name))
      // What the group's own title says is not said again.
      .map((name) => ({ text: titleOf(name).replace(`${text} `, ''), link: `/${name}` })),
  }))
  return groups.filter(({ items }) => items.length > 0)
}

function reference() {
  const file = join(pages, 'api', 'typedoc-sidebar.json')
  if (!existsSync(file)) return []
  // A group that is no link would be a button with a button in it: it leads to its heading in the module's page.
  const collapse = (items, module) =>
    items.map((item) => {
      if (!item.items) return item
      const link = item.link ?? `${module}#${item.text.toLowerCase().replaceAll(' ', '-')}`
      return { ...item, link, collapsed: true, items: collapse(item.items, item.link ?? module) }
    })
  const modules = JSON.parse(readFileSync(file, 'utf8')).map((module) => ({ ...module, text: importedAs(module.text) }))
  return [{ text: 'API reference', link: '/api/', items: collapse(modules) }]
}

export default defineConfig({
  srcDir: 'pages',
  title: 'loom-live',
  description: 'Live, server-driven pages for Node.js',
  lang: 'en',
  cleanUrls: false,
  lastUpdated: false,
  // No script of another host: the site is the same from a disk, in an office and behind a firewall.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    // What has the contrast of 4.5 that WCAG asks for, in all of its colours.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // As GitHub and editors name headings: so a link into a file of docs/ is the same in all of them.
    anchor: {
      slugify: (heading) =>
        heading
          .trim()
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replace(/\s/g, '-'),
    },
    config(md) {
      // VitePress makes a template of Vue out of each page. Two braces in a text are two braces here.
      // Code that is set in by four blanks is shown as other code is: it scrolls, by the keyboard as well.
      md.core.ruler.push('indented-code', ({ tokens }) => {
        for (const token of tokens)
          if (token.type === 'code_block') Object.assign(token, { type: 'fence', info: 'txt', markup: '```' })
      })
      for (const rule of ['text', 'code_inline']) {
        const rendered = md.renderer.rules[rule]
        md.renderer.rules[rule] = (...args) => rendered(...args).replaceAll('{{', '&#123;&#123;')
      }
    },
  },
  themeConfig: {
    nav: [
      { text: 'First steps', link: '/first-steps' },
      { text: 'Tour', link: '/tour' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: { '/api/': reference(), '/': sidebar() },
    outline: [2, 3],
    search: {
      provider: 'local',
      // Nothing is drawn beside the word: a button is called what it shows.
      options: { translations: { button: { buttonText: 'Search', buttonAriaLabel: 'Search' } } },
    },
  },
})
