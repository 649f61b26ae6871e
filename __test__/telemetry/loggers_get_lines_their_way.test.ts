// A line of the log has a level, a code and fields; pino, winston, console and an object of one's own get it as each wants it.

import { Console } from 'node:console'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { PassThrough } from 'node:stream'
import type { LogFields, Logger, LogMessage } from 'loom-live'
import pino from 'pino'
import winston from 'winston'
import { atEnd } from '../support/cleanup'
import { counter, Site } from '../support/site'
import { until } from '../support/until'

/** A stream, and the lines that were written to it. */
function written(): { stream: PassThrough; lines: string[] } {
  const stream = new PassThrough()
  const lines: string[] = []
  stream.on('data', (data: Buffer) => lines.push(...data.toString().split('\n').filter(Boolean)))
  return { stream, lines }
}

/** A site whose handler throws: an error; and then a join with a token of nobody: a warning. */
async function troubled(logger: Logger): Promise<Site> {
  const site = await Site.start({ logger, development: false })
  const client = await site.live(counter(site.loom))
  await client.fails('c0', 'boom')
  await client.join('c1', 'counter', 'no token')
  return site
}

const FAILED = { code: 'LOOM_FAILED', module: 'counter' }

test("pino's way: the fields before the text", async () => {
  const { stream, lines } = written()
  await troubled(pino(stream))
  await until('two lines', () => lines.length >= 2)
  const [error, warning] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(error).toMatchObject({
    level: 50,
    ...FAILED,
    msg: expect.stringMatching(/^loom-live: counter \("c0"\)/) as string,
  })
  expect(warning).toMatchObject({
    level: 40,
    code: 'LOOM_JOIN',
    msg: expect.stringContaining('join refused') as string,
  })
})

test("winston's way: the text before the fields", async () => {
  const { stream, lines } = written()
  const logger = winston.createLogger({ format: winston.format.json() })
  // winston declares the class of its transports twice.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  await troubled(logger.add(new winston.transports.Stream({ stream })))
  await until('two lines', () => lines.length >= 2)
  const [error, warning] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(error).toMatchObject({ level: 'error', ...FAILED, message: expect.stringContaining('boom') as string })
  expect(warning).toMatchObject({ level: 'warn', code: 'LOOM_JOIN' })
})

test("console's way: one text, with the code", async () => {
  const { stream, lines } = written()
  await troubled(new Console(stream))
  await until('a line of each', () => lines.some((line) => line.includes('LOOM_JOIN')))
  expect(lines[0]).toMatch(/^loom-live LOOM_FAILED: counter \("c0"\): the event "boom" failed: .*boom$/)
  // An object of fields is not printed behind it: the next line is the stack's.
  expect(lines[1]).toMatch(/^ {4}at /)
})

test('an object of one’s own gets text and fields, and so does the channel', async () => {
  const lines: [string, string, LogFields][] = []
  const told: LogMessage[] = []
  const listen = (message: unknown): void => void told.push(message as LogMessage)
  subscribe('loom-live:log', listen)
  atEnd(() => unsubscribe('loom-live:log', listen))
  const { loom } = await troubled({
    error: (text, fields) => void lines.push(['error', text, fields]),
    warn: (text, fields) => void lines.push(['warn', text, fields]),
  })
  await until('two lines', () => lines.length >= 2)
  expect(lines[0]).toEqual(['error', expect.stringMatching(/^loom-live: counter/), FAILED])
  expect(lines[1]).toEqual(['warn', expect.stringMatching(/^loom-live: /), { code: 'LOOM_JOIN' }])
  expect(told.every((message) => message.loom === loom)).toBe(true)
  expect(told.map(({ level, text, fields }) => [level, `loom-live: ${text}`, fields])).toEqual(lines)
})
