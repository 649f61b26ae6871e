/** Compiles TSX in every way that an application may, and runs it. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { transformSync as swc } from '@swc/core'
import { transformSync as esbuild } from 'esbuild'
import { compileJsx } from 'loom-live/jsx-compiler'
import ts from 'typescript'

type Compile = (source: string, filename: string) => string

function withSwc(source: string, filename: string, isDevelopment: boolean): string {
  return swc(source, {
    filename,
    swcrc: false,
    configFile: false,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', tsx: true },
      transform: { react: { runtime: 'automatic', importSource: 'loom-live', development: isDevelopment } },
    },
    module: { type: 'commonjs' },
  }).code
}

function withEsbuild(source: string, isDevelopment: boolean): string {
  return esbuild(source, {
    loader: 'tsx',
    format: 'cjs',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'loom-live',
    jsxDev: isDevelopment,
  }).code
}

export const MODES: Readonly<Record<string, Compile>> = {
  'swc': (source, filename) => withSwc(source, filename, false),
  'swc, for development': (source, filename) => withSwc(source, filename, true),
  'esbuild': (source) => withEsbuild(source, false),
  'esbuild, for development': (source) => withEsbuild(source, true),
  'TypeScript': (source, filename) =>
    ts.transpileModule(source, {
      fileName: filename,
      compilerOptions: {
        jsx: ts.JsxEmit.ReactJSX,
        jsxImportSource: 'loom-live',
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2022,
      },
    }).outputText,
  'the compile step and swc': (source, filename) =>
    withSwc(compileJsx(source, { filename })?.code ?? source, filename, false),
  'the compile step and esbuild': (source, filename) =>
    withEsbuild(compileJsx(source, { filename })?.code ?? source, false),
}

/** The modules that compiled files get are those that the test has. */
function load(name: string): unknown {
  switch (name) {
    case 'loom-live':
      return jest.requireActual('loom-live')
    case 'loom-live/jsx-runtime':
      return jest.requireActual('loom-live/jsx-runtime')
    case 'loom-live/jsx-dev-runtime':
      return jest.requireActual('loom-live/jsx-dev-runtime')
    default:
      return createRequire(__filename)(name)
  }
}

/** What the module exports that this source is. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what the source exports
export function run<Exports>(mode: string, source: string, filename = 'page.tsx'): Exports {
  const code = MODES[mode]?.(source, filename)
  if (code === undefined) throw new Error(`There is no mode ${mode}`)
  const module = { exports: {} }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what a compiler made of the test's own source
  const call = new Function('require', 'module', 'exports', code) as (...parameters: unknown[]) => void
  call(load, module, module.exports)
  return module.exports as Exports
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what the file exports
export function runFile<Exports>(mode: string, file: string): Exports {
  return run<Exports>(mode, readFileSync(file, 'utf8'), file)
}
