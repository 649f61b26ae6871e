/** CHANGELOG.md, CONTRIBUTING.md, docs/versions.md and the forms for issues: what they name is there. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { ROOT } from './installed'

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

const { version, exports, scripts, files } = JSON.parse(read('package.json')) as {
  version: string
  exports: Record<string, unknown>
  scripts: Record<string, string>
  files: string[]
}

const PAPERS = ['CHANGELOG.md', 'CONTRIBUTING.md', 'docs/versions.md', 'docs/deploy.md', 'docs/scaling.md']

test.each(PAPERS)('the files that %s links to are there', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path)
  expect(links.length).toBeGreaterThan(0)
  expect(links.filter((path) => !existsSync(join(ROOT, dirname(file), path)))).toEqual([])
})

test('the changelog has the form of Keep a Changelog, and begins with what is not released', () => {
  const text = read('CHANGELOG.md')
  const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading)
  expect(headings[0]).toBe('[Unreleased]')
  for (const heading of headings.slice(1)) expect(heading).toMatch(/^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/)
  // package.json has the version that was released last, or that of the first release to come.
  expect(version).toBe(/\[(.*)\]/.exec(headings[1] ?? '')?.[1] ?? '0.1.0')
  const kinds = [...text.matchAll(/^### (.*)$/gm)].map(([, kind = '']) => kind)
  expect(kinds.length).toBeGreaterThan(0)
  for (const kind of kinds) expect(['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']).toContain(kind)
  expect(files).toContain('CHANGELOG.md')
})

test('docs/versions.md names each entry of the package as public', () => {
  const named = [...read('docs/versions.md').matchAll(/`(loom-live(?:\/[\w-]+)?)`/g)].map(([, name]) => name)
  const entries = Object.keys(exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => entry.replace('.', 'loom-live'))
  expect(named.sort()).toEqual(entries.sort())
})

test('the scripts and files that CONTRIBUTING.md names are there', () => {
  const text = read('CONTRIBUTING.md')
  const named = [...text.matchAll(/\bnpm (?:run )?(?!create)(\w+)/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(8)
  expect(named.filter((name) => !(name in scripts))).toEqual([])
  const paths = [
    ...text.matchAll(
      /`((?:__test__|bench|src|lib|client|docs|packages|examples|fuzz)\/[\w./]*)`|\b(?:jest|node) ((?:__test__|bench)\/[\w./]+)/g,
    ),
  ]
  expect(paths.length).toBeGreaterThan(8)
  expect(paths.map(([, one, other]) => one ?? other ?? '').filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

describe('the forms for issues', () => {
  const folder = '.github/ISSUE_TEMPLATE'
  interface Form {
    name: string
    description: string
    body: { type: string; id?: string; attributes: { label?: string; value?: string }; validations?: object }[]
  }

  test.each(readdirSync(join(ROOT, folder)).filter((name) => name !== 'config.yml'))('%s is a form', (name) => {
    const document = parseDocument(read(join(folder, name)))
    expect([...document.errors, ...document.warnings]).toEqual([])
    const { name: title, description, body } = document.toJS() as Form
    expect([typeof title, typeof description]).toEqual(['string', 'string'])
    const ids = body.flatMap(({ id }) => id ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    for (const { type, id, attributes } of body) {
      expect(['markdown', 'textarea', 'input', 'dropdown', 'checkboxes']).toContain(type)
      if (type === 'markdown') expect(attributes.value).toEqual(expect.any(String))
      else expect([attributes.label, id]).toEqual([expect.any(String), expect.stringMatching(/^[\w-]+$/)])
    }
    expect(body.some(({ type }) => type !== 'markdown')).toBe(true)
  })
})
