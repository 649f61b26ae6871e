/** A server that runs as its own process, as `npm start` runs it. */

import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { until, within } from './until'

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

export interface ProcessOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** What runs the script, if it is not this Node.js. */
  program?: string
  /** What stands before the script: options of Node, or a program that runs it. */
  before?: readonly string[]
}

export class ServerProcess {
  /** The output so far. */
  output = ''
  readonly exited: Promise<number | null>
  private readonly child: ChildProcess

  constructor(
    script: string,
    readonly port: number,
    { cwd = process.cwd(), env = {}, program = process.execPath, before = [] }: ProcessOptions = {},
  ) {
    this.child = spawn(program, [...before, script], {
      cwd,
      // Jest sets NODE_ENV; a user does not.
      env: { ...process.env, NODE_ENV: undefined, PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    }
    this.exited = new Promise((resolve) => this.child.on('close', resolve))
  }

  /** Starts a server, and waits until it answers: at `path`, if it is not to render a page for that. */
  static async start(
    script: string,
    port: number,
    { path = '/', ...options }: ProcessOptions & { path?: string } = {},
  ): Promise<ServerProcess> {
    const server = new ServerProcess(script, port, options)
    await until(`an answer from ${server.url}`, async () => {
      if (server.child.exitCode !== null) throw new Error(`The server ended early: ${server.output}`)
      return fetch(server.url + path).then(
        (response) => response.text(),
        () => undefined,
      )
    })
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Sends the signal and waits for the end. Gives the exit code; null if the signal itself ended the process. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal)
    try {
      return await within('the server to end', this.exited)
    } finally {
      this.child.kill('SIGKILL')
    }
  }
}
