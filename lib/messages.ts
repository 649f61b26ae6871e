/** What the application says to components: to the subscribers of a topic, or to one component by its address. */

import type { Everybody, Topic } from '../index'
import { sentData, topicName } from './call/effects'
import { checkNames, checkString } from './check'
import { LoomError } from './errors'
import type { Promises } from './live_socket'
import type { NativeLoom } from './native'
import { stringifyData } from './render/props'
import { channels } from './telemetry/channels'

/** The id that makes a message count once, if the application gives one. */
function messageId(options: unknown, what: string): string | undefined {
  checkNames(options, { id: true }, `the options of ${what}`, `an option of ${what}`)
  const { id } = options as { id?: unknown }
  if (id !== undefined) checkString(id, `the option id of ${what}`)
  return id
}

export class Messages {
  constructor(
    /** Who listens on diagnostics channels is told which loom it was. */
    private readonly loom: object,
    private readonly native: NativeLoom,
    private readonly promises: Promises,
    private readonly checkOpen: () => void,
  ) {}

  async publish(topic: string | Topic<unknown>, data: unknown, options: { id?: string }): Promise<void> {
    const name = topicName(topic, 'loom.publish')
    const id = messageId(options, 'loom.publish')
    const json = stringifyData(data, () => `the data of loom.publish(${JSON.stringify(name)})`)
    await this.told(
      name,
      this.accepted((request) => this.native.publish(name, id, json, request)),
    )
  }

  async send(address: string, receiver: string, data: unknown, options: { id?: string }): Promise<void> {
    checkString(address, 'the address of loom.send')
    const id = messageId(options, 'loom.send')
    const json = sentData(receiver, data, 'loom.send')
    await this.accepted((request) => this.native.sendTo(address, id, json, request))
  }

  async presence<Meta>(topic: string | Topic<unknown>): Promise<Everybody<Meta>> {
    const name = topicName(topic, 'loom.presence')
    return (await this.accepted((request) => {
      this.native.presence(name, request)
    })) as Everybody<Meta>
  }

  /** Resolves when Rust has done what was begun. */
  accepted(begin: (request: number) => boolean | void): Promise<unknown> {
    this.checkOpen()
    return this.promises.make(begin, (text) => new LoomError('LOOM_TOPIC', text))
  }

  /** Tells who listens of a message that the application has published. */
  private async told(topic: string, published: Promise<unknown>): Promise<void> {
    const { topic: channel } = channels
    if (!channel.hasSubscribers) {
      await published
      return
    }
    const began = performance.now()
    const message = { loom: this.loom, action: 'publish', topic }
    try {
      await published
      channel.publish({ ...message, duration: performance.now() - began })
    } catch (error) {
      channel.publish({ ...message, duration: performance.now() - began, error })
      throw error
    }
  }
}
