// Measures a message that the viewers of several processes get by way of Redis, beside one process, and beside
// Socket.IO with its adapter for Redis Streams. Starts a Redis of its own. See README.md.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { leaveServersTheirCore, startPublisher } from './support/publishing.mjs'
import { spread } from './support/statistics.mjs'
import { table } from './support/table.mjs'
import { delivered, watch } from './support/viewers.mjs'

const HELP = `node bench/across.mjs [options]

  --setups LIST    kind:processes; loom:1,loom:3,socket.io:1,socket.io:3,shared:1,shared:3 by default, and ratios are
                   between those that are there. One process has no Redis, several have it
  --viewers N      of all processes together; 3000 by default
  --count N        messages of a run; 60 by default
  --rate N         messages a second; 20 by default
  --rounds N       measured runs of each setup, alternating; 5 by default
`
const { values } = parseArgs({
  options: {
    setups: { type: 'string', default: 'loom:1,loom:3,socket.io:1,socket.io:3,shared:1,shared:3' },
    viewers: { type: 'string', default: '3000' },
    count: { type: 'string', default: '60' },
    rate: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit()
}
const [viewers, count, rate, rounds] = [values.viewers, values.count, values.rate, values.rounds].map(Number)

// The viewers and Redis have one core; the servers have the other.
leaveServersTheirCore()

/** Starts a Redis on a free port. */
async function startRedis() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const port = String(probe.address().port)
  await once(probe.close(), 'close')
  const child = spawn('redis-server', ['--port', port, '--save', '', '--bind', '127.0.0.1'], { stdio: 'ignore' })
  const ask = (...command) => execFileSync('redis-cli', ['-p', port, ...command], { encoding: 'utf8', stdio: 'pipe' })
  for (let tries = 0; ; tries++) {
    try {
      ask('PING')
      break
    } catch (error) {
      if (tries === 100) throw error
      await sleep(50)
    }
  }
  return { url: `redis://127.0.0.1:${port}`, ask, stop: () => child.kill('SIGKILL') }
}

/** A figure of Redis' INFO. */
const figure = (text, name) => Number(new RegExp(`^${name}:(.*?)\\s*$`, 'm').exec(text)[1])

/** What Redis has done so far: CPU time in µs, bytes that it has sent, commands by name. */
function redisUsed({ ask }) {
  const text = ask('INFO', 'everything')
  const commands = new Map()
  for (const [, name, calls] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) commands.set(name, Number(calls))
  return {
    cpu: (figure(text, 'used_cpu_user') + figure(text, 'used_cpu_sys')) * 1e6,
    sent: figure(text, 'total_net_output_bytes'),
    commands,
  }
}

/** Starts a kind of server in so many processes, with its share of the viewers on each. */
async function start(setup, redis, setups) {
  const [kind, number] = setup.split(':')
  const processes = Number(number)
  const environment = processes > 1 ? { REDIS: redis.url } : {}
  const servers = []
  const sockets = []
  const one = { setup, servers, sockets, rounds: [] }
  setups.push(one)
  for (let at = 0; at < processes; at++) {
    const { server, viewersCome } = await startPublisher(kind, environment)
    servers.push(server)
    // The first one begins a shared component, and owns it.
    sockets.push(...(await viewersCome(Math.ceil(viewers / processes))))
  }
  Object.assign(one, watch(sockets))
}

const ask = async ({ port }, path) => (await fetch(`http://127.0.0.1:${port}${path}`)).json()
const usedBy = (servers) => Promise.all(servers.map((server) => ask(server, '/used')))
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0)

/** The CPU time of each process between two looks, and of Redis. */
async function between(servers, redis, work) {
  const [before, redisBefore] = [await usedBy(servers), redisUsed(redis)]
  const result = await work()
  const [after, redisAfter] = [await usedBy(servers), redisUsed(redis)]
  const commands = new Map()
  for (const [name, calls] of redisAfter.commands) {
    const more = calls - (redisBefore.commands.get(name) ?? 0)
    if (more > 0 && name !== 'info') commands.set(name, more)
  }
  return {
    result,
    main: after.map(({ main }, at) => main - before[at].main),
    all: after.map(({ all }, at) => all - before[at].all),
    redis: { cpu: redisAfter.cpu - redisBefore.cpu, sent: redisAfter.sent - redisBefore.sent, commands },
  }
}

async function run({ setup, servers, sockets, counts, rounds }, redis) {
  // The cost of all processes while nothing is published, for as long as a run takes.
  const idle = await between(servers, redis, () => sleep((count / rate) * 1000 + 1000))
  const busy = await between(servers, redis, async () => {
    const { sent } = await ask(servers[0], `/go?count=${count}&rate=${rate}`)
    return delivered(setup, sent, counts, sockets.length)
  })
  const frames = busy.result
  const others = (used) => sum(used.slice(1)) / Math.max(1, used.length - 1)
  rounds.push({
    main: sum(busy.main) / frames,
    all: sum(busy.all) / frames,
    handled: sum(busy.all) / (sockets.length * count),
    shown: frames / (sockets.length * count),
    others: others(busy.main) / count,
    othersIdle: others(idle.main) / count,
    redisCpu: (busy.redis.cpu - idle.redis.cpu) / count,
    redisSent: (busy.redis.sent - idle.redis.sent) / count,
    commands: busy.redis.commands,
    idleCommands: idle.redis.commands,
  })
}

console.error(
  `load before the run: ${execFileSync('uptime', { encoding: 'utf8' })
    .replace(/.*average: /, '')
    .trim()}`,
)
const redis = await startRedis()
const setups = []
// Whatever happens, nothing is left running.
process.once('exit', () => {
  redis.stop()
  for (const { servers } of setups) for (const server of servers) process.kill(server.process, 'SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
for (const setup of values.setups.split(',')) await start(setup, redis, setups)
for (let round = -1; round < rounds; round++) {
  for (const setup of setups) {
    await run(setup, redis)
    // The first one is to warm up.
    if (round < 0) setup.rounds.length = 0
  }
}

const of = (setup, name) => setups.find((one) => one.setup === setup).rounds.map((round) => round[name])
const rows = setups.map(({ setup }) => {
  const costs = ['all', 'main', 'handled', 'shown'].map((name) => spread(of(setup, name)))
  if (setup.endsWith(':1')) return [setup, ...costs, '', '', '', '']
  const more = ['others', 'othersIdle', 'redisCpu', 'redisSent'].map((name) => spread(of(setup, name), 1))
  return [setup, ...costs, ...more]
})
for (const [one, other] of [
  ['loom:3', 'loom:1'],
  ['shared:3', 'shared:1'],
  ['socket.io:3', 'socket.io:1'],
  ['loom:3', 'socket.io:3'],
  ['shared:3', 'socket.io:3'],
]) {
  const names = setups.map(({ setup }) => setup)
  if (!names.includes(one) || !names.includes(other)) continue
  const ratio = (name) => {
    const base = of(other, name)
    return `**${spread(of(one, name).map((value, round) => value / base[round]))}**`
  }
  rows.push([`**${one} / ${other}**`, ratio('all'), ratio('main'), ratio('handled'), '', '', '', '', ''])
}
const head = [
  'setup',
  'all µs a frame',
  'main µs a frame',
  'all µs a message and viewer',
  'shown',
  'other processes’ main µs a publish',
  'the same, nothing published',
  'Redis’ CPU µs a publish',
  'Redis sent bytes a publish',
]
console.log(table(head, rows))
for (const { setup, rounds } of setups) {
  if (setup.endsWith(':1')) continue
  const { commands, idleCommands } = rounds.at(-1)
  const said = [...commands].map(
    ([name, calls]) => `${name} ${((calls - (idleCommands.get(name) ?? 0)) / count).toFixed(2)}`,
  )
  console.log(`\n${setup}: Redis' commands a publish: ${said.join(', ')}`)
}
process.exit()
