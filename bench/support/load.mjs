// The load generator: a process on its own core that takes commands as lines of JSON.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const crate = fileURLToPath(new URL('../load/', import.meta.url))

export function buildLoad() {
  const cargo = spawnSync('cargo', ['build', '--release', '--locked'], { cwd: crate, stdio: ['ignore', 2, 2] })
  if (cargo.status !== 0) throw new Error('the load generator could not be built; cargo says why above')
}

export function startLoad(core) {
  const child = spawn('taskset', ['-c', String(core), `${crate}target/release/loom-live-load`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the load generator ended')))
  failed.catch(() => {})
  return {
    async ask(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`)
      const [line] = await Promise.race([once(lines, 'line'), failed])
      const result = JSON.parse(line)
      if (result.error !== undefined) throw new Error(`${command.target}: ${result.error}`)
      return result
    },
    stop() {
      child.stdin.end()
    },
  }
}
