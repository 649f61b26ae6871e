// Starts servers, each a process of its own on the servers' core, and reads their memory.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Servers without Node, built together with the load generator. */
const WITHOUT_NODE = ['sockets', 'broadcast']
const built = (name) => fileURLToPath(new URL(`../load/target/release/${name}`, import.meta.url))

/**
 * Starts a server of `bench/servers`. `tokens` are the tokens of its pages, by module. If `clone` is given, the server
 * of that clone of this repository is started, which has to be built.
 */
export async function startServer(name, { core, environment = {}, clone }) {
  const file = clone
    ? join(clone, `bench/servers/${name}.mjs`)
    : fileURLToPath(new URL(`../servers/${name}.mjs`, import.meta.url))
  const command = WITHOUT_NODE.includes(name) ? [built(name)] : [process.execPath, '--expose-gc', file]
  const child = spawn('taskset', ['-c', String(core), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment, NODE_ENV: 'production' },
  })
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const [line] = await Promise.race([
    once(lines, 'line'),
    exit.then(() => Promise.reject(new Error(`server ${name} ended before it listened`))),
  ])
  const { port, tokens = {} } = JSON.parse(line)
  return {
    name,
    port,
    tokens,
    // The process of taskset, which has become the server.
    process: child.pid,
    async stop() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

/** Resident bytes, after garbage was collected and freed memory was given back to the system. */
export async function settledMemory(server) {
  for (let round = 0; round < 3; round++) {
    process.kill(server.process, 'SIGUSR2')
    await sleep(700)
  }
  const status = readFileSync(`/proc/${server.process}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) * 1024
}
