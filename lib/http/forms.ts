import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReplyLike, FastifyRequestLike, LiveEvent, LoomOptions, Middleware } from '../../index'
import { FormContext, type Outgoing } from '../call/form_context'
import { handleForm } from '../call/form_step'
import { type PageRequest, rawOf, type Requests } from '../call/context'
import type { LiveEntry } from '../call/modules'
import type { Operator } from '../call/operator'
import { Refusal } from '../call/refusal'
import { LoomError, textOf, traceOf } from '../errors'
import { type Posted, SEAL } from '../forms/posted'
import type { NativeLoom, OpenedForm } from '../native'
import type { Binder } from './bind'
import { fieldsOf, type FormFields, isForm, parseForm, readBody, TooLarge } from './form_body'
import { originAllowed } from './origin'
import { compactRequest } from './request'
import type { Trust } from './trust'

/** What a page's component shows after its form: the props that the handler left, and what was typed if it was not taken. */
export interface PostedState {
  readonly module: string
  /** Which of the page's components of this module it is: the first is 0. */
  readonly place: number
  readonly props: Record<string, unknown>
  readonly posted: Posted | undefined
}

/** What becomes of a request. */
export type Outcome =
  | { readonly kind: 'pass' }
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'redirect'; readonly url: string }
  /** The route renders the page. */
  | { readonly kind: 'render'; readonly status: number }

const OUT_OF_DATE = 'The form is out of date, or belongs to another user. Load its page again and send it once more.'

/** What stands in the hidden field, see lib/forms/posted.ts: handler and id, the component's place, and its token. */
const SEALED = /^(\["(?:[^"\\]|\\.)*","(?:[^"\\]|\\.)*"\]) (\d{1,4}) ([\w.-]+)$/

/** What the forms of a loom need of it. */
export interface FormsHost {
  readonly native: NativeLoom
  readonly binder: Binder
  readonly requests: Requests
  readonly settings: {
    readonly trust: Trust
    readonly keep: readonly string[]
    readonly origin: LoomOptions['origin']
    readonly development: boolean
  }
  readonly limits: { readonly messageBytes: number; readonly formFields: number; readonly handlerTime: number }
  /** The module of that name, if it is a live one. */
  find(name: string): LiveEntry | undefined
  /** Whether the form was not taken before. */
  take(id: string, bind: string, address: string): Promise<boolean>
  send(outgoing: Outgoing): Promise<unknown>
  readonly operator: Operator
}

/** Forms that are sent without the client's script, as requests of their pages. */
export class Forms {
  private readonly states = new WeakMap<IncomingMessage, PostedState>()

  constructor(private readonly host: FormsHost) {}

  /** What the page of this request shows of the component in that place. */
  stateOf(request: IncomingMessage, module: string, place: number): PostedState | undefined {
    const state = this.states.get(request)
    return state?.module === module && state.place === place ? state : undefined
  }

  readonly express: Middleware = (request, response, next) => {
    if (!isForm(request)) {
      next()
      return
    }
    this.run(request, undefined).then(
      (outcome) => {
        if (outcome.kind === 'render') {
          response.statusCode = outcome.status
          // The route that renders the page is the one that has rendered it before.
          request.method = 'GET'
        }
        if (outcome.kind === 'pass' || outcome.kind === 'render') next()
        else answer(outcome, response)
      },
      (error: unknown) => {
        next(error)
      },
    )
  }

  /** For Fastify, whose own parser has read the body as text. */
  async fastify(request: FastifyRequestLike & { body?: unknown }, reply: FastifyReplyLike): Promise<void> {
    if (!isForm(request.raw)) return
    const outcome = await this.run(request, request.body)
    if (outcome.kind === 'render') reply.raw.statusCode = outcome.status
    if (outcome.kind === 'pass' || outcome.kind === 'render') return
    reply.hijack()
    answer(outcome, reply.raw)
  }

  private async run(page: PageRequest, parsed: unknown): Promise<Outcome> {
    const { limits } = this.host
    const request = rawOf(page)
    let fields: FormFields | undefined
    try {
      fields = await this.fieldsOf(request, parsed)
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error
      return { kind: 'answer', status: 413, text: `The form has more than ${limits.messageBytes} bytes.` }
    }
    const sealed = fields?.[SEAL]
    if (sealed === undefined || fields === undefined) return { kind: 'pass' }
    Reflect.deleteProperty(fields, SEAL)
    if (Object.keys(fields).length > limits.formFields)
      return { kind: 'answer', status: 413, text: `The form has more than ${limits.formFields} fields.` }
    if (!this.isOwn(request))
      return { kind: 'answer', status: 403, text: 'The form was sent by a page of another site.' }
    return this.handle(page, request, fields, String(sealed))
  }

  /** The fields, also for whoever handles the request if it is no form of ours. */
  private async fieldsOf(request: IncomingMessage, parsed: unknown): Promise<FormFields | undefined> {
    const { messageBytes } = this.host.limits
    const given = request as IncomingMessage & { body?: unknown; _body?: boolean }
    if (typeof parsed === 'string') return parseForm(parsed)
    if (given.body !== undefined) return fieldsOf(given.body)
    const fields = parseForm(await readBody(request, messageBytes))
    // As the parsers of Express leave it, so that none waits for what has been read.
    given.body = { ...fields }
    given._body = true
    return fields
  }

  /** A browser says which page has sent a form: with the origin, or with how far it comes from. */
  private isOwn(request: IncomingMessage): boolean {
    const { origin, trust } = this.host.settings
    if (request.headers.origin === undefined) return request.headers['sec-fetch-site'] === 'same-origin'
    return originAllowed(request, origin, trust)
  }

  private async handle(
    page: PageRequest,
    request: IncomingMessage,
    fields: FormFields,
    sealed: string,
  ): Promise<Outcome> {
    const { native, binder, requests, settings } = this.host
    const { development } = settings
    const bind = await binder.bindOf(page)
    const [, which = '', place = '', token = ''] = SEALED.exec(sealed) ?? []
    let opened: OpenedForm
    try {
      opened = native.openForm(token, bind)
    } catch {
      return { kind: 'answer', status: 403, text: OUT_OF_DATE }
    }
    const entry = this.host.find(opened.module)
    if (entry === undefined) return { kind: 'answer', status: 403, text: OUT_OF_DATE }
    const [handler, id] = JSON.parse(which) as [string, string]
    const event: LiveEvent = {
      id: opened.id,
      handler,
      type: 'submit',
      value: new URLSearchParams(
        Object.entries(fields).flatMap(([name, value]) => [value].flat().map((text) => [name, text])),
      ).toString(),
      form: fields,
    }
    const compact = compactRequest(request, settings.trust, settings.keep, page)
    const context = new FormContext(
      '',
      entry.name,
      {
        readCaller: () => ['', bind, opened.page],
        requestOf: () => requests.ofPage(page, JSON.stringify(compact)),
      },
      0,
      undefined,
      event,
    )
    context.formId = opened.id
    if (!(await this.host.take(opened.id, bind, compact.address))) {
      // It was sent twice: what it did is there already.
      return { kind: 'redirect', url: here(request) }
    }
    const deadline = setTimeout(() => {
      context.abort(new Error('the form took too long'))
    }, this.host.limits.handlerTime)
    try {
      const handled = await beforeAbort(handleForm(entry, opened, event, context), context)
      for (const outgoing of handled.outgoing) await this.host.send(outgoing)
      if (handled.redirectUrl !== '') return { kind: 'redirect', url: handled.redirectUrl }
      this.states.set(request, {
        module: entry.name,
        place: Number(place),
        props: handled.props,
        posted: handled.isKept ? { handler, id, fields } : undefined,
      })
      return { kind: 'render', status: handled.isKept ? 422 : 200 }
    } catch (error) {
      if (error instanceof Refusal) {
        if (error.redirect !== undefined) return { kind: 'redirect', url: error.redirect }
        return { kind: 'answer', status: 403, text: error.message }
      }
      const { operator } = this.host
      operator.tell('error', `handle of module ${entry.name}, of a form sent without a script: ${traceOf(error)}`)
      operator.report({ kept: { component: { module: entry } }, event, context }, 'handle', error)
      if (error instanceof LoomError && error.code === 'LOOM_FORM' && !development)
        return { kind: 'answer', status: 400, text: 'The form cannot be read.' }
      return { kind: 'answer', status: 500, text: development ? textOf(error) : 'Something went wrong.' }
    } finally {
      clearTimeout(deadline)
    }
  }
}

/** The page's own address. Express changes `url` under a router's prefix. */
function here(request: IncomingMessage): string {
  const url = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/'
  // Two slashes would begin the name of another host.
  return url.replace(/^[\\/]+/, '/')
}

function beforeAbort<Result>(work: Promise<Result>, context: FormContext): Promise<Result> {
  return new Promise((resolve, reject) => {
    context.signal.addEventListener('abort', () => {
      reject(context.signal.reason as Error)
    })
    work.then(resolve, reject)
  })
}

function answer(outcome: Exclude<Outcome, { kind: 'pass' } | { kind: 'render' }>, response: ServerResponse): void {
  if (outcome.kind === 'redirect') {
    response.writeHead(303, { location: outcome.url, 'cache-control': 'no-store' }).end()
    return
  }
  response
    .writeHead(outcome.status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    .end(outcome.text)
}
