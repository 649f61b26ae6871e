import type { Limits, Topic } from './index'

/** A connected client: of the package `ioredis`, or of `redis` (4 or later). Its cluster, too. */
export type RedisClient = IoRedisClient | NodeRedisClient

/** What is used of a client of `ioredis`. */
export interface IoRedisClient {
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>
}

/** What is used of a client of `redis`. */
export interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

export interface PublisherOptions {
  /** As the looms' `backplane.prefix`: what all keys and channels begin with. `loom:` by default. */
  prefix?: string
  /** The limits of the looms that differ from their defaults: what a topic keeps. */
  limits?: Partial<Pick<Limits, 'topicMessages' | 'topicBytes' | 'topicTime' | 'topicIdTime' | 'topicIds'>>
}

export interface Publisher {
  /**
   * Publishes to a topic of all looms that have this Redis as their backplane, as `loom.publish` does. Resolves when Redis
   * has the message. What is published again under an `id` that is known is dropped; without one, a message has a random
   * id, so that a client may send it again whose answer was lost.
   *
   * @throws LoomError with `LOOM_ARGUMENT` or `LOOM_PROPS` if an argument is wrong or JSON would change the data, and with
   * `LOOM_TOPIC` if Redis does not take the message; `cause` is the client's own error.
   */
  publish(topic: string, data: unknown, options?: { id?: string }): Promise<void>
  publish<Data>(topic: Topic<Data>, data: Data, options?: { id?: string }): Promise<void>
}

/** Publishes to the topics of looms over a Redis client that a process has. Loads no addon, and opens no connection. */
export function createPublisher(client: RedisClient, options?: PublisherOptions): Publisher
