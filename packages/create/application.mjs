// Writes an application's files into a folder.

import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const own = dirname(fileURLToPath(import.meta.url))
const { version } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8'))

export { version }
export const FRAMEWORKS = ['express', 'fastify']
export const LANGUAGES = ['js', 'ts']

/** Files that npm would not pack under their own names. */
const RENAMED = { '_gitignore': '.gitignore', '_dockerignore': '.dockerignore' }

/** A name that npm accepts, made of the folder's name. */
export function packageName(folder) {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9._~-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '')
  return name === '' ? 'app' : name
}

/** Why no application can be written into this folder; undefined if nothing prevents it. */
export async function problemWith(folder) {
  try {
    const files = await readdir(folder)
    // A folder with a new, empty repository counts as empty, too.
    return files.every((name) => name === '.git') ? undefined : `${folder} is not empty: name another folder`
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    return error.code === 'ENOTDIR' ? `${folder} is a file: name another folder` : error.message
  }
}

function manifest(folder, framework, language) {
  const frameworks = { express: { express: '^5.1.0' }, fastify: { fastify: '^5.4.0' } }
  const types = { express: { '@types/express': '^5.0.0' }, fastify: {} }
  const scripts = {
    js: { dev: 'node src/server.js', start: 'node src/server.js', test: 'node --test test/app.test.js' },
    ts: {
      dev: 'tsx src/server.ts',
      build: 'tsc',
      start: 'node dist/server.js',
      test: 'tsc --noEmit && node --import tsx --test test/app.test.ts',
    },
  }
  const development = {
    js: {},
    ts: {
      '@types/node': '^22.0.0',
      ...types[framework],
      'tsx': '^4.20.0',
      'typescript': '^5.9.0',
    },
  }
  return {
    name: packageName(folder),
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=20' },
    scripts: scripts[language],
    dependencies: { ...frameworks[framework], 'loom-live': `^${version}` },
    devDependencies: { ...development[language], 'happy-dom': '^21.0.4' },
    // npm warns of install scripts that are neither allowed nor refused. esbuild, which tsx uses, works without its
    // script.
    ...(language === 'ts' ? { allowScripts: { esbuild: false } } : {}),
  }
}

export async function writeApplication(folder, { framework, language }) {
  await mkdir(folder, { recursive: true })
  for (const part of ['all', language, `${framework}-${language}`])
    await cp(join(own, 'templates', part), folder, { recursive: true })
  for (const [from, to] of Object.entries(RENAMED)) await rename(join(folder, from), join(folder, to))
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest(folder, framework, language), null, 2)}\n`)
}
