import type { Limits, Topic } from './index'

/** A connected client of the package `ioredis`, or of `redis` (4 or later). The client of a cluster works, too. */
export type RedisClient = IoRedisClient | NodeRedisClient

/** The methods of a client of `ioredis` that a publisher calls. */
export interface IoRedisClient {
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>
}

/** The methods of a client of `redis` that a publisher calls. */
export interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

export interface PublisherOptions {
  /**
   * All keys and channels begin with this text: 1 to 64 letters, digits and `:` `.` `-` `_`. Give the same text as the
   * looms' `backplane.prefix`. The default is `loom:`.
   */
  prefix?: string
  /**
   * Limits of topics. Give those that the looms set, with the same values: whole numbers from 1 on. The defaults are those
   * of `Limits`.
   */
  limits?: Partial<Pick<Limits, 'topicMessages' | 'topicBytes' | 'topicTime' | 'topicIdTime' | 'topicIds'>>
}

export interface Publisher {
  /**
   * Publishes to a topic of all looms that have this Redis as their backplane, as `loom.publish` does. Resolves when Redis
   * has the message.
   *
   * @param topic the topic's name, of 1 to 256 bytes, which does not begin with U+0000; or what `loom.topic` returned.
   * @param data a JSON value. `undefined` is sent as `null`.
   * @param options `id`: a text of 1 to 256 bytes. If a message was published under this id within `limits.topicIdTime`,
   * this one is not published. By default the id is random; so the message is published once, also if the Redis client
   * loses an answer and sends its command again.
   * @throws LoomError (as a rejection) `LOOM_ARGUMENT` if an argument is wrong; `LOOM_PROPS` if JSON cannot hold the data;
   * `LOOM_TOPIC` if Redis does not take the message: `cause` is the client's own error.
   */
  publish(topic: string, data: unknown, options?: { id?: string }): Promise<void>
  publish<Data>(topic: Topic<Data>, data: Data, options?: { id?: string }): Promise<void>
}

/**
 * Makes a publisher for a process without a loom, which publishes over a Redis client that the process has. A publisher
 * loads no addon and opens no connection. The client stays yours: connect it before you publish, and close it.
 *
 * @throws LoomError `LOOM_ARGUMENT` if `client` is not a client of `redis` or `ioredis`, or if an option is unknown or
 * wrong.
 */
export function createPublisher(client: RedisClient, options?: PublisherOptions): Publisher
