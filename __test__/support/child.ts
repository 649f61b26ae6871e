/** Runs a short program that uses the package, in a process of its own. */

import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { atEnd } from './cleanup'
import { until, within } from './until'

export const ROOT = join(__dirname, '..', '..')

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export class Child {
  output = ''
  errors = ''
  readonly exited: Promise<Exit>
  private linesRead = 0

  private constructor(private readonly process: ChildProcess) {
    process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
    this.exited = new Promise((resolve) => {
      process.on('close', (code, signal) => {
        resolve({ code, signal })
      })
    })
    atEnd(async () => {
      process.kill('SIGKILL')
      await this.exited
    })
  }

  /** Runs the source in the package's folder, where `loom-live` resolves to the package. */
  static start(
    source: string,
    { module = false, env = {} as NodeJS.ProcessEnv, cwd = ROOT, parameters = [] as string[], shell = '' } = {},
  ): Child {
    const kind = module ? ['--input-type=module'] : ['--input-type=commonjs']
    const all = [process.execPath, ...kind, '--eval', source, ...parameters]
    // `shell` runs first in the same process: it sets a limit, for example.
    const [command = '', ...rest] = shell === '' ? all : ['/bin/sh', '-c', `${shell}; exec "$0" "$@"`, ...all]
    return new Child(
      spawn(command, rest, {
        cwd,
        env: { ...process.env, NODE_ENV: 'test', ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    )
  }

  /** The next line of its output. */
  async line(): Promise<string> {
    const line = await until(`line ${this.linesRead + 1} of a child's output`, () => {
      const { exitCode } = this.process
      const lines = this.output.split('\n')
      if (lines.length <= this.linesRead + 1 && exitCode !== null) {
        throw new Error(`The child ended with ${exitCode}: ${this.output}${this.errors}`)
      }
      return lines.length > this.linesRead + 1 ? { text: lines[this.linesRead] ?? '' } : undefined
    })
    this.linesRead += 1
    return line.text
  }

  /** The output, after the program has ended by itself with exit code 0. */
  async result(): Promise<string> {
    const { code, signal } = await this.exit()
    if (code !== 0) throw new Error(`The child ended with ${code ?? signal}: ${this.output}${this.errors}`)
    return this.output
  }

  exit(): Promise<Exit> {
    return within('a child to exit', this.exited)
  }

  tell(text: string): void {
    this.process.stdin?.write(text)
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }
}
