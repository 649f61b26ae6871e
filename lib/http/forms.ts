import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReplyLike, FastifyRequestLike, Flash, LiveEvent, LoomOptions, Middleware } from '../../index'
import { FormContext, type Outgoing } from '../call/form_context'
import { giveAnew, handleForm } from '../call/form_step'
import { type CompactRequest, type PageRequest, pageUrl, rawOf, type Requests } from '../call/context'
import { handlerOf, type LiveEntry } from '../call/modules'
import type { Operator } from '../call/operator'
import { Refusal } from '../call/refusal'
import { FLASH } from '../call/reserved'
import { LoomError, textOf, traceOf } from '../errors'
import { type Posted, SEAL } from '../forms/posted'
import type { NativeLoom, OpenedForm, PostedForm } from '../native'
import type { Binder } from './bind'
import { FailedForms } from './failed_forms'
import type { Flashes } from './flashes'
import { CutOff, fieldsOf, type FormFields, isForm, parseForm, readBody, TooLarge, TooManyFields } from './form_body'
import { originAllowed } from './origin'
import { compactRequest } from './request'
import type { Trust } from './trust'
import { withoutTrace } from '../telemetry/trace'

/** What a page's component shows after its form: the props that the handler left, and what was typed if it was not taken. */
export interface PostedState {
  readonly module: string
  /** Where the component stands in its page: see `placeOf` in lib/mount.ts. */
  readonly place: string
  readonly props: Record<string, unknown>
  /** Names what its parent had given a nested component. */
  readonly given: string
  readonly posted: Posted | undefined
}

/** Where a component stands in the page of a request. */
export interface Place {
  readonly request: IncomingMessage
  readonly name: string
}

/** What causes a step of a component that is not connected. */
interface Cause {
  readonly bind: string
  /** The address of the page. */
  readonly url: string
  /** Names the step, for those that it sends something to: they take it once. */
  readonly id: string
  /** Of a form; a receiver has none. */
  readonly event: LiveEvent | undefined
}

/** What becomes of a request. */
export type Outcome =
  | { readonly kind: 'pass' }
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'redirect'; readonly url: string; readonly flashes?: readonly Flash[] }
  /** The route renders the page. */
  | { readonly kind: 'render'; readonly status: number }

const OUT_OF_DATE = 'The form is out of date, or belongs to another user. Load its page again and send it once more.'

/** What stands in the hidden field, see lib/forms/posted.ts: handler and id, the component's place, and its token. */
const SEALED = /^(\["(?:[^"\\]|\\.)*","(?:[^"\\]|\\.)*"\]) ([\w-]{1,22}) ([\w.-]+)$/

/** What became of the form of a shared component: see `post` in src/forms.rs. */
export type PostedToShared =
  | {
      readonly applied: {
        readonly redirect: string | null
        readonly keepsForm: boolean
        readonly pushes: readonly { readonly name: string; readonly data: string }[]
      }
    }
  | { readonly known: true }
  | { readonly failed: string }
  | { readonly refused: string; readonly busy: boolean; readonly redirect: string | null }

/** The handler and the id of the form; nothing if they are no JSON: the field comes from the browser. */
function whichOf(json: string): readonly [handler: string, id: string] | undefined {
  try {
    return JSON.parse(json) as [string, string]
  } catch {
    return undefined
  }
}

/**
 * A component may have several forms, each with a handler of its own: each is taken once, and its event has an id of its
 * own. The form's id comes from the browser, and would make a form that was taken a new one.
 */
function idOf(page: string, handler: string): string {
  return createHash('sha256').update(`${page} ${handler}`).digest('base64url').slice(0, 22)
}

/** Names what a parent gives, as src/given.rs does. */
function givenName(json: string): string {
  return createHash('sha256').update(json).digest().subarray(0, 16).toString('base64url')
}

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
  /** Has the actor of a shared component handle the form. */
  post(form: PostedForm): Promise<PostedToShared>
  /** Whether the form was not taken before. */
  take(id: string, bind: string, address: string): Promise<boolean>
  send(outgoing: Outgoing): Promise<unknown>
  readonly operator: Operator
  readonly flashes: Flashes
}

/** Forms that are sent without the client's script, as requests of their pages. */
export class Forms {
  private readonly failed = new FailedForms()
  private readonly states = new WeakMap<IncomingMessage, PostedState>()

  constructor(private readonly host: FormsHost) {}

  /** What the page of this request shows of the component in that place. */
  stateOf({ request, name }: Place, module: string): PostedState | undefined {
    const state = this.states.get(request)
    return state?.module === module && state.place === name ? state : undefined
  }

  /** The props of a nested component after its form, to which its parent gives this now, as JSON. */
  async givenTo(
    entry: LiveEntry,
    state: PostedState,
    json: string,
    page: PageRequest,
  ): Promise<Record<string, unknown>> {
    if (givenName(json) === state.given) return state.props
    const context = this.contextOf(entry, page, {
      bind: await this.host.binder.bindOf(page),
      url: pageUrl(page),
      id: randomBytes(16).toString('base64url'),
      event: undefined,
    })
    const props = await this.inTime(
      'the receiver given',
      context,
      giveAnew(entry, state.props, JSON.parse(json), context),
    )
    await this.sendAll(entry, context.outgoing)
    this.host.flashes.leave(rawOf(page), context.flashes)
    return props
  }

  /** The context of a step that a request causes, and no connection. */
  private contextOf(entry: LiveEntry, page: PageRequest, { bind, url, id, event }: Cause): FormContext {
    const { requests } = this.host
    const caller = {
      readCaller: () => withoutTrace(['', bind, url]),
      requestOf: () => requests.ofPage(page, JSON.stringify(this.compact(page))),
    }
    const context = new FormContext('', entry.name, caller, 0, undefined, event)
    context.formId = id
    return context
  }

  private compact(page: PageRequest): CompactRequest {
    const { trust, keep } = this.host.settings
    return compactRequest(rawOf(page), trust, keep, page)
  }

  /** What the step gives, unless it takes longer than a handler may. */
  private async inTime<Result>(what: string, context: FormContext, step: Promise<Result>): Promise<Result> {
    const deadline = setTimeout(() => {
      context.abort(new Error(`${what} took too long`))
    }, this.host.limits.handlerTime)
    try {
      return await beforeAbort(step, context)
    } finally {
      clearTimeout(deadline)
    }
  }

  readonly express: Middleware = (request, response, next) => {
    this.host.flashes.note(request, response)
    if (!isForm(request)) {
      next()
      return
    }
    const go = async (): Promise<void> => {
      const outcome = await this.run(request, undefined)
      if (outcome.kind === 'render') {
        response.statusCode = outcome.status
        // The route that renders the page is the one that has rendered it before.
        request.method = 'GET'
      }
      if (outcome.kind === 'pass' || outcome.kind === 'render') next()
      else this.answer(outcome, request, response)
    }
    go().catch((error: unknown) => {
      next(error)
    })
  }

  /** The most bytes that a body may have. */
  get bodyLimit(): number {
    return this.host.limits.messageBytes
  }

  /**
   * The fields of a URL-encoded body, as the parsers of Express leave them.
   *
   * @throws TooManyFields, which Fastify answers with 413.
   */
  parse(body: string): Record<string, unknown> {
    return { ...parseForm(body, this.host.limits.formFields) }
  }

  /** For Fastify, whose parser has read the body. */
  async fastify(request: FastifyRequestLike & { body?: unknown }, reply: FastifyReplyLike): Promise<void> {
    this.host.flashes.noteFastify(request, reply)
    if (!isForm(request.raw)) return
    const outcome = await this.run(request, request.body)
    if (outcome.kind === 'render') reply.raw.statusCode = outcome.status
    if (outcome.kind === 'pass' || outcome.kind === 'render') return
    reply.hijack()
    this.answer(outcome, request.raw, reply.raw)
  }

  private answer(outcome: Answered, request: IncomingMessage, response: ServerResponse): void {
    if (outcome.kind === 'redirect') this.host.flashes.send(request, response, outcome.flashes ?? [])
    answer(outcome, response)
  }

  private async run(page: PageRequest, parsed: unknown): Promise<Outcome> {
    const { limits } = this.host
    const request = rawOf(page)
    let fields: FormFields | undefined
    try {
      fields = await this.fieldsOf(request, parsed)
    } catch (error) {
      if (error instanceof TooManyFields) return this.tooMany()
      if (error instanceof CutOff) return { kind: 'answer', status: 400, text: 'The form has not come as a whole.' }
      if (!(error instanceof TooLarge)) throw error
      return { kind: 'answer', status: 413, text: `The form has more than ${limits.messageBytes} bytes.` }
    }
    const sealed = fields?.[SEAL]
    if (sealed === undefined || fields === undefined) return { kind: 'pass' }
    Reflect.deleteProperty(fields, SEAL)
    if (Object.keys(fields).length > limits.formFields) return this.tooMany()
    if (!this.isOwn(request))
      return { kind: 'answer', status: 403, text: 'The form was sent by a page of another site.' }
    return this.handle(page, request, fields, String(sealed))
  }

  /** What the handler has done is done, and is not to be done again because of what was to follow. */
  private async sendAll({ name }: LiveEntry, all: readonly Outgoing[]): Promise<void> {
    for (const outgoing of all) {
      try {
        await this.host.send(outgoing)
      } catch (error) {
        const what = `ctx.${outgoing.kind} to ${JSON.stringify(outgoing.to)}, by a form of module ${name} that was sent without a script`
        this.host.operator.tell('error', 'LOOM_FORM', `${what}, was not accepted and is lost: ${textOf(error)}`)
      }
    }
  }

  private tooMany(): Outcome {
    return { kind: 'answer', status: 413, text: new TooManyFields(this.host.limits.formFields).message }
  }

  /** The fields, also for whoever handles the request if it is no form of ours. */
  private async fieldsOf(request: IncomingMessage, parsed: unknown): Promise<FormFields | undefined> {
    // A parser of the application may leave it as text.
    if (typeof parsed === 'string') return parseForm(parsed, this.host.limits.formFields)
    const given = request as IncomingMessage & { body?: unknown; _body?: boolean }
    // Another parser has read it.
    const before = parsed ?? given.body
    if (before !== undefined || request.readableEnded) return fieldsOf(before)
    const fields = parseForm(await readBody(request, this.bodyLimit), this.host.limits.formFields)
    // As the parsers of Express leave it, so that none waits for what has been read.
    given.body = { ...fields }
    given._body = true
    return fields
  }

  /**
   * A browser says which page has sent a form: with the origin, or with how far it comes from. With the referrer policy
   * `no-referrer` the origin of a form is `null`, also if the page is of this site. No page can say by itself how far it
   * comes from, and what is sandboxed comes from another site.
   */
  private isOwn(request: IncomingMessage): boolean {
    const { origin: allowed, trust } = this.host.settings
    const { origin, 'sec-fetch-site': site } = request.headers
    if (origin === undefined || origin === 'null') return site === 'same-origin'
    return originAllowed(request, allowed, trust)
  }

  private async handle(
    page: PageRequest,
    request: IncomingMessage,
    fields: FormFields,
    sealed: string,
  ): Promise<Outcome> {
    const { native, binder } = this.host
    const bind = await binder.bindOf(page)
    const [, which = '', place = '', token = ''] = SEALED.exec(sealed) ?? []
    let opened: OpenedForm
    try {
      opened = native.openForm(token, bind)
    } catch {
      return { kind: 'answer', status: 403, text: OUT_OF_DATE }
    }
    const entry = this.host.find(opened.module)
    const form = whichOf(which)
    if (entry === undefined || form === undefined) return { kind: 'answer', status: 403, text: OUT_OF_DATE }
    const [handler, id] = form
    const { module } = entry
    if (handlerOf(module, handler) === undefined) return { kind: 'answer', status: 403, text: OUT_OF_DATE }
    const event: LiveEvent = {
      // Of a module with one function for all, a browser could make up ever new names.
      id: typeof module.handle === 'function' ? opened.id : idOf(opened.id, handler),
      handler,
      type: 'submit',
      // A submit's is its form, URL-encoded: the handler is the same as that of the live page.
      value: new URLSearchParams(
        Object.entries(fields).flatMap(([name, value]) => [value].flat().map((text) => [name, text])),
      ).toString(),
      form: fields,
    }
    if (opened.key !== '') return this.post(page, token, event, bind)
    const { address } = this.compact(page)
    // Whom its failed forms count for.
    const holder = bind === '' ? (address ?? '') : bind
    let isTaken: boolean
    try {
      isTaken = this.failed.delete(holder, event.id) || (await this.host.take(event.id, bind, address))
    } catch (error) {
      this.host.operator.tell('error', 'LOOM_FORM', `a form sent without a script could not be taken: ${textOf(error)}`)
      return { kind: 'answer', status: 503, text: 'The form cannot be taken just now. Send it once more.' }
    }
    // It was sent twice: what it did is there already.
    if (!isTaken) return { kind: 'redirect', url: here(request) }
    const context = this.contextOf(entry, page, { bind, url: opened.page, id: event.id, event })
    try {
      const handled = await this.inTime('the form', context, handleForm(entry, opened, event, context))
      await this.sendAll(entry, handled.outgoing)
      const { flashes } = handled
      if (handled.redirectUrl !== '') return { kind: 'redirect', url: handled.redirectUrl, flashes }
      this.host.flashes.leave(request, flashes)
      this.states.set(request, {
        module: entry.name,
        place,
        given: opened.given,
        props: handled.props,
        posted: handled.isKept ? { handler, id, fields } : undefined,
      })
      return { kind: 'render', status: handled.isKept ? 422 : 200 }
    } catch (error) {
      this.failed.add(holder, event.id)
      return this.failedOutcome(error, entry, event, context)
    }
  }

  private failedOutcome(error: unknown, entry: LiveEntry, event: LiveEvent, context: FormContext): Outcome {
    if (error instanceof Refusal) {
      if (error.redirect !== undefined) return { kind: 'redirect', url: error.redirect }
      return { kind: 'answer', status: 403, text: error.message }
    }
    const { operator, settings } = this.host
    operator.tell(
      'error',
      'LOOM_FAILED',
      `handle of module ${entry.name}, of a form sent without a script: ${traceOf(error)}`,
    )
    operator.report({ kept: { component: { module: entry } }, event, context }, 'handle', error)
    if (error instanceof LoomError && error.code === 'LOOM_FORM' && !settings.development)
      return { kind: 'answer', status: 400, text: 'The form cannot be read.' }
    return { kind: 'answer', status: 500, text: settings.development ? textOf(error) : 'Something went wrong.' }
  }

  /** A shared component's actor handles the form. */
  private async post(page: PageRequest, token: string, event: LiveEvent, bind: string): Promise<Outcome> {
    const { id, handler, value = '' } = event
    const compact = this.compact(page)
    const posted = await this.host.post({
      token,
      // The page that shows what was not taken is another one; who goes back there and corrects it has a new form.
      id: idOf(id, value),
      handler,
      value,
      meta: JSON.stringify(compact),
      bind,
      address: compact.address ?? '',
    })
    return this.outcomeOf(posted, rawOf(page))
  }

  /** Of a shared component the page shows what its actor makes of it; what was typed is not there again. */
  private outcomeOf(posted: PostedToShared, request: IncomingMessage): Outcome {
    if ('known' in posted) return { kind: 'redirect', url: here(request) }
    if ('failed' in posted) return { kind: 'answer', status: 500, text: posted.failed }
    if ('refused' in posted) {
      const { refused: text, busy, redirect } = posted
      return redirect === null
        ? { kind: 'answer', status: busy ? 503 : 403, text }
        : { kind: 'redirect', url: redirect }
    }
    const { redirect, keepsForm, pushes } = posted.applied
    const flashes = pushes.flatMap(({ name, data }): Flash[] => {
      const given = name === FLASH ? (JSON.parse(data) as [Flash['kind'], string] | string) : ''
      return typeof given === 'string' ? [] : [{ kind: given[0], text: given[1] }]
    })
    if (redirect !== null) return { kind: 'redirect', url: redirect, flashes }
    this.host.flashes.leave(request, flashes)
    return { kind: 'render', status: keepsForm ? 422 : 200 }
  }
}

/** What is answered here, and not by the page's route. */
type Answered = Exclude<Outcome, { kind: 'pass' } | { kind: 'render' }>

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

/** The address as a header has it: what browsers would leave out is left out, and what they would escape is escaped. */
function inHeader(url: string): string {
  // Half of a character, which only a string can have, becomes the sign for that.
  const text = Buffer.from(url.replace(/[\t\n\r]/g, '')).toString()
  return text.replace(/[^\x21-\x7e]/gu, encodeURIComponent)
}

function answer(outcome: Answered, response: ServerResponse): void {
  if (outcome.kind === 'redirect') {
    response.writeHead(303, { location: inHeader(outcome.url), 'cache-control': 'no-store' }).end()
    return
  }
  response
    .writeHead(outcome.status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    .end(outcome.text)
}
