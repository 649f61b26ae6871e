/** Who is to go: components by their user or address, the subscribers of a topic, and upgrades that are under way. */

import type { Loom as PublicLoom, Topic } from '../index'
import { liveRequest } from './call/context'
import { topicName } from './call/effects'
import type { Announcement, Removal } from './call/jobs'
import { checkNames, invalid, isObject } from './check'
import type { Upgrades } from './http/accept'
import type { NativeConnection, NativeLoom } from './native'

/** Whose components are meant. */
interface Whose {
  bind?: string
  address?: string
}

/**
 * A filter that is not understood would find nobody, and whoever was to go would stay; or it would find everybody, if a
 * user is not there that was to be named.
 */
function checkWhose(filter: object, known: object): asserts filter is Whose {
  checkNames(filter, known, 'filter', 'a filter')
  for (const name of ['bind', 'address'] as const) {
    const value: unknown = (filter as Whose)[name]
    // Empty text is the `bind` of pages without a user.
    if (name in filter && typeof value !== 'string') throw invalid('a string', `filter.${name}`, value)
  }
}

/** The filter of `disconnect`, with the name of its topic, if it has one. */
function checkFilter(filter: unknown): Whose & { topic?: string } {
  if (!isObject(filter)) throw invalid('an object like { bind: "user" } or a function', 'filter', filter)
  checkWhose(filter, { bind: true, address: true, topic: true })
  const { topic, ...whose } = filter as Whose & { topic?: unknown }
  if ('topic' in filter) return { ...whose, topic: topicName(topic, 'loom.disconnect') }
  if (Object.keys(whose).length === 0) throw invalid('a filter with bind, address or topic', 'filter', filter)
  return whose
}

export class Removals {
  constructor(
    private readonly native: NativeLoom,
    private readonly upgrades: Upgrades,
  ) {}

  unsubscribe(topic: string | Topic<unknown>, filter: Whose): number {
    const name = topicName(topic, 'loom.unsubscribe')
    if (!isObject(filter)) throw invalid('an object like { bind: "user" }, or {} for all,', 'filter', filter)
    checkWhose(filter, { bind: true, address: true })
    return this.removeEverywhere({ ...filter, topic: name, unsubscribes: true })
  }

  disconnect(filter: Parameters<PublicLoom['disconnect']>[0]): number {
    if (typeof filter !== 'function') return this.removeEverywhere(checkFilter(filter))
    const isMeant = ({ bind, address, request }: NativeConnection): boolean =>
      filter({ bind, address, request: liveRequest(request) })
    const numbers = this.native
      .connections()
      .filter(isMeant)
      .map(({ number }) => number)
    const count = this.native.disconnect(numbers)
    return count + this.upgrades.pending.disconnect(filter)
  }

  private removeEverywhere(removal: Removal): number {
    const count = this.remove(removal)
    this.native.announce(JSON.stringify({ removal } satisfies Announcement))
    return count
  }

  /** Removes in this process. Gives how many there were. */
  remove({ topic, unsubscribes, ...whose }: Removal): number {
    const { bind, address } = whose
    // Upgrades under way have no subscriptions: what they join with is asked about then.
    if (topic === undefined) {
      const count = this.native.disconnectMatching(bind, address)
      return count + this.upgrades.pending.disconnect(whose)
    }
    if (unsubscribes) return this.native.unsubscribe(topic, bind, address)
    return this.native.disconnectTopic(topic, bind, address)
  }
}
