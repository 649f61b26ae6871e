// Measures what an event costs each server, in runs that alternate between the servers.

import { startLoad } from '../support/load.mjs'
import { startServer } from '../support/servers.mjs'
import { median, spread } from '../support/statistics.mjs'
import { table } from '../support/table.mjs'

const WORKLOADS = {
  counter: { connections: 100, module: 'counter', handler: 'increment', rows: 0 },
  table: { connections: 40, module: 'table', handler: 'change', rows: 1000 },
  text: { connections: 20, module: 'text', handler: 'add', rows: 0, setup: { handler: 'begin', value: null } },
  list: { connections: 100, module: 'list', handler: 'rotate', rows: 100 },
}

/** The runs of each workload: with plain `map`, and also with `each` if the library has it. */
export function cases(names, rows, hasEach) {
  return names.flatMap((name) => {
    const workload = WORKLOADS[name]
    if (workload === undefined) throw new Error(`no workload ${name}; there are ${Object.keys(WORKLOADS).join(', ')}`)
    if (workload.rows === 0) return [{ ...workload, label: name, plain: name }]
    const sizes = name === 'table' && rows.length > 0 ? rows : [workload.rows]
    return sizes.flatMap((size) =>
      ['map', ...(hasEach ? ['each'] : [])].map((variant) => ({
        ...workload,
        rows: size,
        // The rows of all connections together fit into the memory that servers keep for parsed props.
        connections: Math.max(2, Math.min(workload.connections, Math.floor(40_000 / size))),
        label: `${name}-${variant}, ${size} rows`,
        module: `${name}-${variant}`,
        plain: `${name}-map`,
      })),
    )
  })
}

function perEvent({ events, seconds, bytes, checkpoints, p50, p99, cpuAll, cpuMain }) {
  return {
    rate: events / seconds,
    bytes: bytes / events,
    checkpoints: checkpoints / events,
    p50: p50 / 1e6,
    p99: p99 / 1e6,
    all: cpuAll / events / 1e3,
    main: cpuMain / events / 1e3,
  }
}

/** Runs one workload on each server. In each round the servers run one after the other. */
async function compare(workload, options) {
  const servers = [
    { target: 'ws', module: workload.plain },
    { target: 'loom', module: workload.module, protocol: options.protocol },
    ...(options.against ? [{ target: 'before', module: workload.module, protocol: options.protocol }] : []),
    // This server's answer is always as short as the counter's, so it is compared with the counter only.
    ...(workload.module === 'counter' ? [{ target: 'sockets', module: workload.module, protocol: 'loom.2' }] : []),
  ]
  const load = startLoad(options.cores.load)
  const started = []
  try {
    for (const server of servers) {
      const { target, module, protocol } = server
      const { against: clone, cores, environment } = options
      const running =
        target === 'before'
          ? await startServer('loom', { core: cores.servers, environment, clone })
          : await startServer(target, { core: cores.servers, environment })
      started.push(running)
      const { port, process, tokens } = running
      await load.ask({
        ...{ do: 'connect', target, port, process, path: '/loom/ws', protocol, module, token: tokens[module] ?? '' },
        connections: options.connections ?? workload.connections,
        at_once: 10,
        setup: workload.rows > 0 ? { handler: 'fill', value: String(workload.rows) } : (workload.setup ?? null),
      })
      server.rounds = []
    }
    const values = workload.handler === 'change' ? workload.rows : 0
    const run = (target, millis) => load.ask({ do: 'run', target, handler: workload.handler, values, millis })
    for (let round = -options.warmUp; round < options.rounds; round++) {
      for (const server of servers) {
        const result = await run(server.target, options.millis)
        if (round < 0) continue
        server.rounds.push(perEvent(result))
        server.last = result.last
      }
    }
  } finally {
    load.stop()
    await Promise.all(started.map((server) => server.stop()))
  }
  return servers
}

export async function measureEvents(workloads, options) {
  const rows = []
  const answers = []
  for (const workload of workloads) {
    options.progress(`events: ${workload.label}`)
    const servers = await compare(workload, options)
    for (const { target, rounds, last } of servers) {
      const of = (name, digits) => median(rounds.map((round) => round[name])).toFixed(digits)
      rows.push([
        workload.label,
        target,
        of('rate', 0),
        of('p50', 2),
        of('p99', 2),
        of('all', 2),
        of('main', 2),
        of('bytes', 1),
        of('checkpoints', 1),
      ])
      answers.push(`${workload.label}, ${target}: ${last}`)
    }
    const by = (name) => servers.find(({ target }) => target === name)
    const pairs = servers.slice(1).map(({ target }) => [target, 'ws'])
    if (options.against) pairs.push(['loom', 'before'])
    for (const [target, other] of pairs) {
      // Runs of the same round are compared: a slow spell of the machine slows both.
      const ratio = (name) => by(target).rounds.map((round, index) => round[name] / by(other).rounds[index][name])
      rows.push([
        workload.label,
        `**${target} / ${other}**`,
        spread(ratio('rate')),
        spread(ratio('p50')),
        spread(ratio('p99')),
        `**${spread(ratio('all'), 3)}**`,
        `**${spread(ratio('main'), 3)}**`,
        spread(ratio('bytes')),
        '',
      ])
    }
  }
  const head = [
    'workload',
    'server',
    'events/s',
    'p50 ms',
    'p99 ms',
    'CPU all µs',
    'CPU main µs',
    'bytes',
    'of checkpoints',
  ]
  options.progress(answers.map((answer) => `last answer of ${answer}`).join('\n'))
  return `### Events\n\n${table(head, rows)}`
}
