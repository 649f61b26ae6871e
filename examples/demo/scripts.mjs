// The scripts of pages that use libraries of npm. An application bundles them when it is built; the demo, which has no
// build step, does so when one is asked for the first time. What the client serves is imported from its own address.

import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Files of `browser`. */
const SCRIPTS = ['board', 'chart', 'editor']

/** @type {Map<string, Promise<string>>} */
const bundles = new Map()

/** @param {string} name */
async function bundle(name) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`browser/${name}.js`, import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['/loom/client.js'],
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

/** @type {import('express').RequestHandler<{ name: string }>} */
export async function scripts({ params: { name } }, response, next) {
  if (!SCRIPTS.includes(name)) {
    next()
    return
  }
  const text = bundles.get(name) ?? bundle(name)
  bundles.set(name, text)
  response.type('text/javascript').send(await text)
}
