import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT } from '../support/child'

const FOLDER = join(ROOT, '__test__', 'types')

const STRICT = [
  '--noEmit',
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noUncheckedIndexedAccess',
  '--target',
  'es2022',
  '--module',
  'nodenext',
  '--types',
  'node',
]

// As an installed package is found: by its own `exports`, in both module systems.
test('props are inferred and flow, wrong uses are errors, in CommonJS and ESM, under --strict', () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const files = ['usage.ts', 'usage.mts', 'page.ts', 'hooks.ts', 'hooks.mts', 'testing.ts', 'testing.mts'].map((name) =>
    join(FOLDER, name),
  )
  const { stdout, status } = spawnSync(process.execPath, [tsc, ...STRICT, '--skipLibCheck', ...files], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
  expect(status).toBe(0)
}, 60_000)

test('JSX has typed elements and components, and the compile step fits its tools', () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  for (const module of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    const { stdout, status } = spawnSync(
      process.execPath,
      [tsc, ...STRICT, ...module, '--jsx', 'react-jsx', '--skipLibCheck', join(FOLDER, 'jsx.tsx')],
      { cwd: ROOT, encoding: 'utf8' },
    )
    expect(stdout).toBe('')
    expect(status).toBe(0)
  }
}, 120_000)

// Without `skipLibCheck`, what an application adds to the package's interfaces is checked against them.
test('an application may name the attributes of its custom elements', () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout, status } = spawnSync(
    process.execPath,
    [tsc, ...STRICT, '--jsx', 'react-jsx', '--jsxImportSource', 'loom-live', join(FOLDER, 'elements.tsx')],
    { cwd: ROOT, encoding: 'utf8' },
  )
  expect(stdout).toBe('')
  expect(status).toBe(0)
}, 60_000)

/** What the compiler says of a program that uses the package. */
function problemsOf(text: string): string[] {
  const file = join(FOLDER, 'wrong.ts')
  const options: ts.CompilerOptions = {
    strict: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: ['node'],
    noEmit: true,
    skipLibCheck: true,
  }
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest)
  host.fileExists = (name) => name === file || fileExists(name)
  host.readFile = (name) => (name === file ? text : readFile(name))
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

test('an error names the prop that is wrong, and what was meant', () => {
  const problems = problemsOf(`import { createLoom, html } from 'loom-live'
    const module = createLoom().register('m', { props: { count: 0, name: '' }, handle: {}, render: () => html\`\` })
    void createLoom().mount(module, { cuont: 1 })
    void createLoom().mount(module, { count: 'one' })`)
  expect(problems).toEqual([
    expect.stringMatching(
      /^Object literal may only specify known properties, but 'cuont' does not exist in type .*Did you mean to write 'count'\?$/,
    ),
    expect.stringMatching(/^Type 'string' is not assignable to type 'number'/),
  ])
}, 60_000)

test('in a module with receivers, too, an error names the prop and what is wrong with it', () => {
  const problems = problemsOf(`import { createLoom, html } from 'loom-live'
    createLoom().register('m', {
      props: { count: 0 },
      handle: { add: (props) => void (props.count += 1), wrong: () => ({ count: 'one' }) },
      receive: { got: () => ({ count: 'two' }) },
      render: () => html\`\`,
    })`)
  expect(problems).toEqual([
    "Cannot assign to 'count' because it is a read-only property.",
    "Type 'string' is not assignable to type 'number'.",
    "Type 'string' is not assignable to type 'number'.",
  ])
}, 60_000)

/** Node's and our own; and the types of schemas, which are a dependency of the package. */
const OWN = /^(node:|\.|@standard-schema\/spec$)/

test('the declarations stand for themselves: no other library, no loose types', () => {
  const jsx = ['jsx-runtime.d.ts', 'jsx-dev-runtime.d.ts', 'jsx-compiler.d.ts', 'jsx-loader.d.ts']
  for (const name of ['index.d.ts', 'index.d.mts', 'dom.d.ts', 'client.d.ts', 'client.d.mts', ...jsx]) {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, name), 'utf8'))
    expect(importedFiles.map(({ fileName }) => fileName).filter((file) => !OWN.test(file))).toEqual([])
  }
  for (const name of ['index.d.ts', ...jsx]) {
    expect(readFileSync(join(ROOT, name), 'utf8')).not.toMatch(/\bany\b(?=\s*[;,)>\]])/)
  }
})
