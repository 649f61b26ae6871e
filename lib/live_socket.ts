import type { EventMessage, LiveSocketState, SocketMessage } from '../index'
import { checkFunction, checkNames, checkString, invalid, isObject } from './check'
import { LoomError, StartError, textOf } from './errors'
import type { NativeLoom } from './native'
import { stringifyProps } from './render/props'

interface Waiting {
  resolve(value: unknown): void
  reject(error: LoomError): void
}

/** The promises that Rust will settle, by promise number. While there are any, the process stays alive. */
export class Promises {
  private readonly waiting = new Map<number, Waiting>()
  /** A timer that keeps the process alive. Set with the first promise, cleared when the last is settled. */
  private keepAlive: NodeJS.Timeout | undefined

  constructor(private readonly nextNumber: () => number) {}

  /**
   * Makes a promise and passes its number to `begin`. If `begin` throws, the promise rejects; if it gives true, it is
   * done already, and the promise resolves.
   */
  make(begin: (number: number) => boolean | void, failure: (text: string) => LoomError): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const number = this.nextNumber()
      try {
        if (begin(number) === true) {
          resolve(undefined)
          return
        }
      } catch (error) {
        reject(failure(textOf(error)))
        return
      }
      this.waiting.set(number, {
        resolve,
        reject: (error) => {
          reject(failure(error.message))
        },
      })
      this.keepAlive ??= setInterval(() => undefined, 2 ** 30)
    })
  }

  settle(number: number, error: string | null, value: unknown): void {
    const waiting = this.waiting.get(number)
    this.waiting.delete(number)
    if (this.waiting.size === 0) {
      clearInterval(this.keepAlive)
      this.keepAlive = undefined
    }
    if (error === null) waiting?.resolve(value)
    else waiting?.reject(new LoomError('LOOM_STOPPED', error))
  }
}

const stopped = (text: string): LoomError => new LoomError('LOOM_STOPPED', text)

/** The parts that the live sockets of a loom share. */
export class LiveSockets {
  /** The `replyTo` of each live socket, by the number of the promise that started it. */
  private readonly replies = new Map<number, (message: SocketMessage) => void>()

  constructor(
    readonly native: NativeLoom,
    readonly promises: Promises,
  ) {}

  async start(
    id: string,
    replyTo: (message: SocketMessage) => void,
    module: string,
    propsJson: string,
    raw: boolean,
  ): Promise<LiveSocket> {
    checkString(id, 'id')
    checkFunction(replyTo, 'replyTo')
    checkString(propsJson, 'propsJson')
    let number = 0
    let json = propsJson
    try {
      const props: unknown = JSON.parse(propsJson)
      // Written again by JavaScript, which may order members differently: later changes name members by their position.
      if (!raw) json = stringifyProps(props, () => 'propsJson')
    } catch (error) {
      throw new StartError(`Expected the JSON of props for propsJson: ${textOf(error)}`)
    }
    try {
      await this.promises.make(
        (given) => {
          number = given
          this.replies.set(number, replyTo)
          this.native.start(number, id, module, json)
        },
        (text) => new StartError(`${module} (${id}): ${text}`),
      )
    } catch (error) {
      this.forget(number)
      throw error
    }
    return new LiveSocket(this, number, id, module)
  }

  reply(number: number, message: SocketMessage): void {
    this.replies.get(number)?.(message)
  }

  forget(number: number): void {
    this.replies.delete(number)
    this.native.stop(number)
  }
}

export class LiveSocket {
  private readonly sockets: LiveSockets
  private readonly number: number

  constructor(
    sockets: LiveSockets,
    number: number,
    readonly id: string,
    readonly module: string,
  ) {
    this.sockets = sockets
    this.number = number
  }

  send(message: EventMessage): void {
    if (!isObject(message) || message.type !== 'event') throw invalid("{ type: 'event', … }", 'message', message)
    checkNames(
      message,
      { type: true, handler: true, event: true, special_vars: true },
      'message',
      'a member of a message',
    )
    const { handler, event, special_vars: vars = {} } = message
    checkString(handler, 'handler')
    checkString(event, 'event')
    if (!isObject(vars)) throw invalid('an object', 'special_vars', vars)
    checkNames(vars, { value: true, checked: true, key: true }, 'special_vars', 'a member of special_vars')
    const { value, checked, key } = vars
    if (value !== undefined && typeof value !== 'string') throw invalid('a string', 'special_vars.value', value)
    if (checked !== undefined && typeof checked !== 'boolean') {
      throw invalid('a boolean', 'special_vars.checked', checked)
    }
    if (key !== undefined && typeof key !== 'string') throw invalid('a string', 'special_vars.key', key)
    try {
      this.sockets.native.send(this.number, handler, event, value, checked, key)
    } catch (error) {
      throw stopped(textOf(error))
    }
  }

  async state(): Promise<LiveSocketState> {
    const { native, promises } = this.sockets
    const state = await promises.make((request) => {
      native.state(this.number, request)
    }, stopped)
    return state as LiveSocketState
  }

  stop(): void {
    this.sockets.forget(this.number)
  }
}
