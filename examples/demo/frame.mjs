import { loom } from './loom.mjs'

/** The pages of the demo, in the order in which each page names them. */
const PAGES = [
  { path: '/', name: 'Home' },
  { path: '/signup', name: 'Sign-up' },
  { path: '/orders', name: 'Orders' },
  { path: '/settings', name: 'Settings' },
  { path: '/team', name: 'Team' },
  { path: '/commands', name: 'Commands' },
  { path: '/feed', name: 'Feed' },
  { path: '/album', name: 'Album' },
  { path: '/basket', name: 'Basket' },
  { path: '/widgets', name: 'Widgets' },
  { path: '/board', name: 'Board' },
]

/**
 * @typedef {object} Frame
 * @property {string} path where the page is
 * @property {string} [title] nothing for the first page
 * @property {readonly string[]} [styles] files of `public` beside `style.css`
 * @property {readonly string[]} [scripts]
 */

/**
 * A page of the demo around its content, which is HTML.
 * @param {Frame} frame
 * @param {string} content
 */
export function framed({ path, title, styles = [], scripts = [] }, content) {
  const links = PAGES.map(
    (page) => `<li><a href="${page.path}"${page.path === path ? ' aria-current="page"' : ''}>${page.name}</a></li>`,
  )
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title === undefined ? '' : `${title} – `}loom-live demo</title>
    <link rel="icon" href="/icon.svg">
    ${['style.css', ...styles].map((file) => `<link rel="stylesheet" href="/${file}">`).join('\n    ')}
    ${scripts.map((file) => `<script type="module" src="/${file}"></script>`).join('\n    ')}
  </head>
  <body>
    <nav aria-label="Demo" data-l-nav>
      <ul>${links.join('')}</ul>
    </nav>
    ${content}
    ${loom.script()}
  </body>
</html>`
}
