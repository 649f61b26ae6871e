import cluster from 'node:cluster'
import { nearest } from '../nearest'
import { atPlace } from '../places'

/** Of more topics nothing is remembered. */
const MOST = 1_000

/**
 * Finds topics that somebody publishes to and nobody can hear, in development only. The causes are a misspelt name, and
 * a process that is one of several without a backplane.
 */
export class TopicsTold {
  /** For each topic that somebody has subscribed to: the part of its name before the first colon, or the whole name. */
  private readonly heard = new Set<string>()

  constructor(
    private readonly hasBackplane: boolean,
    private readonly warn: (text: string) => void,
  ) {}

  subscribed(topic: string): void {
    if (this.heard.size < MOST) this.heard.add(kindOf(topic))
  }

  published(topic: string, by: string, place: string | undefined): void {
    if (!this.hasBackplane && isOneOfSeveral()) {
      this.warn(
        `${by}${atPlace(place)}: this process is one of several. Without a backplane its messages reach only pages of this ` +
          "process. Give createLoom a backplane, as in { backplane: { redis: 'redis://localhost' } }",
      )
    }
    const kind = kindOf(topic)
    if (this.heard.has(kind) || this.hasBackplane) return
    const near = nearest(kind, [...this.heard])
    if (near === undefined) return
    this.warn(
      `${by}${atPlace(place)} has published to ${JSON.stringify(topic)}, but no component has ever subscribed to a topic that ` +
        `begins with ${JSON.stringify(kind)}; did you mean ${JSON.stringify(near + topic.slice(kind.length))}?`,
    )
  }
}

function kindOf(topic: string): string {
  return topic.split(':', 1)[0] ?? topic
}

/** As Node's cluster and PM2 start them. */
function isOneOfSeveral(): boolean {
  return cluster.isWorker || (process.env['NODE_APP_INSTANCE'] ?? '0') !== '0'
}
