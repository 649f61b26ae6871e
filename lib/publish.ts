/**
 * `loom-live/publish`: publishes to the topics of looms that have a backplane, from a process without a loom, over the
 * Redis client that the process has. This file loads no addon.
 */

import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { PublisherOptions, Publisher as PublicPublisher, RedisClient } from '../publish'
import type { Topic } from '../index'
import { checkFunction, checkNames, checkString, invalid, isObject, redisPrefix } from './check'
import { LoomError, textOf } from './errors'
import { stringifyData } from './render/props'
import script from '../src/topics/redis/publish.lua'

const SHA = createHash('sha1').update(script).digest('hex')

/** As in src/limits.rs: the bounds of a topic. `__test__/server/publish_elsewhere.test.ts` compares them. */
export const LIMITS = {
  topicMessages: 256,
  topicBytes: 1 << 20,
  topicTime: 60_000,
  topicIdTime: 86_400_000,
  topicIds: 1_000_000,
}
/** As MAX_NAME in src/topics/mod.rs: the longest name of a topic, and the longest id, in bytes. */
const MAX_NAME = 256
/** As Message::OVERHEAD in src/topics/message.rs. */
const OVERHEAD = 192

type Keys = string[]

/** Calls a command of either client. */
type Send = (command: 'EVALSHA' | 'EVAL', script: string, keys: Keys, args: string[]) => Promise<unknown>

/** As `Keys` in src/topics/redis/keys.rs: a tag ends at the first brace. */
function tag(topic: string): string {
  return topic.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D')
}

function sendOf(client: RedisClient): Send {
  if ('evalsha' in client && 'eval' in client) {
    checkFunction(client.evalsha, 'client.evalsha')
    return (command, script, keys, args) =>
      command === 'EVAL'
        ? client.eval(script, keys.length, ...keys, ...args)
        : client.evalsha(script, keys.length, ...keys, ...args)
  }
  if ('evalSha' in client && 'eval' in client) {
    checkFunction(client.evalSha, 'client.evalSha')
    return (command, script, keys, args) =>
      command === 'EVAL'
        ? client.eval(script, { keys, arguments: args })
        : client.evalSha(script, { keys, arguments: args })
  }
  throw invalid('a client of the package redis or ioredis', 'client', client)
}

/** Channels of a cluster belong to slots. */
function isCluster(client: object): boolean {
  return ('isCluster' in client && client.isCluster === true) || 'masters' in client
}

class Publisher implements PublicPublisher {
  constructor(
    private readonly send: Send,
    private readonly tells: 'PUBLISH' | 'SPUBLISH',
    private readonly prefix: string,
    private readonly bounds: readonly string[],
  ) {}

  async publish(topic: string | Topic<unknown>, data: unknown, options: { id?: string } = {}): Promise<void> {
    const name: unknown = isObject(topic) ? topic['name'] : topic
    checkString(name, 'the topic of publish')
    const bytes = Buffer.byteLength(name)
    if (bytes === 0 || bytes > MAX_NAME || name.startsWith('\0'))
      throw invalid(`1 to ${MAX_NAME} bytes that do not begin with U+0000`, 'the topic of publish', name)
    checkNames(options, { id: true }, 'the options of publish', 'an option of publish')
    // A client may send a command again whose answer was lost: the id makes it once.
    const { id = randomUUID() } = options
    checkString(id, 'the option id of publish')
    if (id === '' || Buffer.byteLength(id) > MAX_NAME)
      throw invalid(`1 to ${MAX_NAME} bytes`, 'the option id of publish', id)
    const json = stringifyData(data, () => `the data of publish(${JSON.stringify(name)})`)
    const keys = ['topic', 'messages', 'ids', 'channel'].map((kind) => `${this.prefix}${kind}:{${tag(name)}}`)
    const epoch = randomBytes(16).toString('base64url')
    const args = [epoch, '0', ...this.bounds, this.tells, id, json, randomBytes(6).toString('base64url')]
    try {
      await this.run(keys, args)
    } catch (error) {
      throw new LoomError('LOOM_TOPIC', `publish: ${textOf(error)}`, { cause: error })
    }
  }

  private async run(keys: Keys, args: string[]): Promise<void> {
    try {
      await this.send('EVALSHA', SHA, keys, args)
    } catch (error) {
      if (!textOf(error).includes('NOSCRIPT')) throw error
      await this.send('EVAL', script, keys, args)
    }
  }
}

export function createPublisher(client: RedisClient, options: PublisherOptions = {}): PublicPublisher {
  if (typeof client !== 'object' || (client as unknown) === null)
    throw invalid('a client of the package redis or ioredis', 'client', client)
  checkNames(options, { prefix: true, limits: true }, 'the options of createPublisher', 'an option of createPublisher')
  const { limits = {} } = options
  const prefix = redisPrefix(options.prefix, 'prefix')
  checkNames(limits, LIMITS, 'limits', 'a limit')
  const bounds = Object.entries(LIMITS).map(([name, value]) => {
    const given: unknown = limits[name as keyof typeof LIMITS] ?? value
    if (typeof given !== 'number' || !Number.isSafeInteger(given) || given < 1)
      throw invalid('a whole number from 1 on', `limits.${name}`, given)
    return String(given)
  })
  const tells = isCluster(client) ? 'SPUBLISH' : 'PUBLISH'
  return new Publisher(sendOf(client), tells, prefix, [...bounds, String(OVERHEAD)])
}
