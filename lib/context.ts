import { parseCookie } from 'cookie'
import type { LiveContext, LiveRequest } from '../index'
import { checkUrl } from './check'

const NO_REQUEST: LiveRequest = { url: '', headers: {}, cookies: {}, address: '' }

/** The compact copy of a request, as it crosses to Rust and back. */
export interface CompactRequest {
  url: string
  headers: Record<string, string | string[] | undefined>
  address: string
}

/** The request as applications see it. */
export function liveRequest(json: string): LiveRequest {
  const request = JSON.parse(json) as CompactRequest
  return { ...request, cookies: parseCookie(request.headers['cookie']?.toString() ?? '') }
}

/**
 * What a handler gets beside its props. Most handlers read none of it, so everything is made when
 * it is first asked for.
 */
export class Context implements LiveContext {
  private abortController: AbortController | undefined
  private liveRequest: LiveRequest | undefined
  private aborted: Error | undefined
  redirectUrl = ''
  keepsForm = false

  constructor(
    readonly id: string,
    readonly module: string,
    private readonly readRequest: (call: number) => string | null,
    private readonly call = 0,
  ) {}

  get request(): LiveRequest {
    if (this.liveRequest === undefined) {
      const json = this.readRequest(this.call)
      if (json === null) return NO_REQUEST
      this.liveRequest = liveRequest(json)
    }
    return this.liveRequest
  }

  get signal(): AbortSignal {
    this.abortController ??= new AbortController()
    if (this.aborted !== undefined) this.abortController.abort(this.aborted)
    return this.abortController.signal
  }

  redirect(url: string): void {
    checkUrl(url, 'the URL of ctx.redirect()')
    this.redirectUrl = url
  }

  keepForm(): void {
    this.keepsForm = true
  }

  abort(reason: Error): void {
    this.aborted = reason
    this.abortController?.abort(reason)
  }

  get isAborted(): boolean {
    return this.aborted !== undefined
  }
}
