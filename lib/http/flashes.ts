import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseCookie, stringifySetCookie } from 'cookie'
import type { FastifyReplyLike, FastifyRequestLike, Flash } from '../../index'
import { KINDS, roleOf } from '../call/flash'
import { type PageRequest, rawOf } from '../call/context'
import { LoomError } from '../errors'
import type { Sealer } from '../uploads/permits'
import { isEncrypted } from './origin'

/**
 * Flashes of forms that are sent without the client's script. If the browser is sent elsewhere, they are in a cookie that
 * is sealed and short-lived, until a page shows them.
 */
const COOKIE = 'loom.flash'
const MOST_AGE_S = 60
/** The longest cookie that is looked at. */
const MAX_SEALED = 4_096
/**
 * This name tells sealed flashes from permits for uploads. The flash is not sealed for the user: a login may be the
 * reason for the flash.
 */
const SEALED_FOR = '\0flash'
/** Cookies that have been shown are remembered as long as they last, should a browser not hear that they are over. */
const MOST_REMEMBERED = 10_000
/** So long after a flash a page has called `loom.flashes`, if any does. */
const WAIT_MS = 4_000

/** Sets a header of the page's response. */
type SetHeader = (name: 'set-cookie' | 'cache-control', value: string) => void

/** Adds a cookie to those that are there: a session has a cookie, too. */
function addCookie(response: ServerResponse, cookie: string): void {
  const before = response.getHeader('set-cookie') ?? []
  response.setHeader('set-cookie', [before, cookie].flat().map(String))
}

const hasCookie = (request: IncomingMessage): boolean => request.headers.cookie?.includes(`${COOKIE}=`) === true

export class Flashes {
  /** The flashes of a form that this very request has sent. */
  private readonly left = new WeakMap<IncomingMessage, readonly Flash[]>()
  private readonly responses = new WeakMap<IncomingMessage, SetHeader>()
  /** The ids of cookies, with the time when each is over. */
  private readonly shown = new Map<string, number>()

  /** In development, until a page has shown flashes: the timer of the warning that no page shows them. */
  private waiting: NodeJS.Timeout | undefined

  constructor(
    private readonly sealer: Sealer,
    /** Tells the developer of a mistake; `undefined` in production, and once a page has shown flashes. */
    private warn: ((text: string) => void) | undefined,
  ) {}

  close(): void {
    clearTimeout(this.waiting)
    this.warn = undefined
  }

  /** Remembers the response. If its page shows the flashes, the response tells the browser that they are over. */
  note(request: IncomingMessage, response: ServerResponse): void {
    if (!hasCookie(request)) return
    this.responses.set(request, (name, value) => {
      if (response.headersSent) throw tooLate()
      if (name === 'set-cookie') addCookie(response, value)
      // Also if the application has the page kept for a while: then it would show the flashes as often as it is read.
      else response.setHeader(name, value)
    })
  }

  noteFastify(request: FastifyRequestLike, reply: FastifyReplyLike): void {
    if (!hasCookie(request.raw)) return
    this.responses.set(request.raw, (name, value) => {
      if (reply.raw.headersSent) throw tooLate()
      // A header that is set on the reply would replace one that is set on the response beneath it.
      reply.header(name, value)
    })
  }

  /** The page of this request shows them. */
  leave(request: IncomingMessage, flashes: readonly Flash[]): void {
    if (flashes.length === 0) return
    this.left.set(request, flashes)
    this.expectPage()
  }

  /** The page that the browser is sent to shows them. */
  send(request: IncomingMessage, response: ServerResponse, flashes: readonly Flash[]): void {
    if (flashes.length === 0) return
    this.expectPage()
    const list = flashes.map(({ kind, text }) => [kind, text.length])
    const head = JSON.stringify([randomUUID(), Date.now() + MOST_AGE_S * 1_000, list])
    // The texts stand behind it as they are: JSON makes some of them six times as long, and a browser drops a cookie that
    // is too long.
    const all = [head, '\n', ...flashes.map(({ text }) => text)].join('')
    addCookie(response, this.cookie(this.sealer.sealPermit(all, SEALED_FOR), MOST_AGE_S, request))
  }

  private expectPage(): void {
    if (this.warn === undefined) return
    this.waiting ??= setTimeout(() => {
      this.warn?.(
        "ctx.flash was called for a form that was sent without the client's script, and no page calls loom.flashes, so " +
          'nobody sees the text. Write ${loom.flashes(request)} into the pages with forms, and into the pages that the forms lead to',
      )
    }, WAIT_MS).unref()
  }

  /** Gives the flashes that the page of this request has to show, once. */
  take(page: PageRequest): readonly Flash[] {
    this.close()
    const request = rawOf(page)
    const left = this.left.get(request) ?? []
    this.left.delete(request)
    const setHeader = this.responses.get(request)
    if (setHeader === undefined) return left
    this.responses.delete(request)
    const sent = this.open(parseCookie(request.headers.cookie ?? '')[COOKIE] ?? '')
    setHeader('set-cookie', this.cookie('', 0, request))
    // If somebody goes back to the page, the browser asks for it anew and does not show these flashes again.
    setHeader('cache-control', 'no-store')
    return [...sent, ...left]
  }

  private cookie(value: string, maxAge: number, request: IncomingMessage): string {
    const secure = isEncrypted(request) || request.headers.origin?.startsWith('https:') === true
    return stringifySetCookie({ name: COOKIE, value, maxAge, path: '/', httpOnly: true, sameSite: 'lax', secure })
  }

  /** The flashes in the cookie, if the cookie is ours, is not over and was not shown. */
  private open(sealed: string): Flash[] {
    const text = sealed.length > MAX_SEALED ? null : this.sealer.openPermit(sealed, SEALED_FOR)
    if (text === null) return []
    // Sealed by this process or another of the application, so the form is known: JSON in the first line, with the
    // lengths of the texts that follow.
    let at = text.indexOf('\n') + 1
    const [id, end, list] = JSON.parse(text.slice(0, at)) as [string, number, [Flash['kind'], number][]]
    const now = Date.now()
    for (const [oldest, over] of this.shown) if (over < now) this.shown.delete(oldest)
    if (now > end || this.shown.has(id)) return []
    if (this.shown.size < MOST_REMEMBERED) this.shown.set(id, end)
    return list.map(([kind, length]) => ({ kind, text: text.slice(at, (at += length)) }))
  }
}

function tooLate(): LoomError {
  return new LoomError(
    'LOOM_ARGUMENT',
    'loom.flashes was called after the headers of the response had been sent, so the browser would show the flashes ' +
      'again; call loom.flashes before anything of the page is sent',
  )
}

/** The element for a page's flashes; `look` gives the HTML of one, or the default look is meant. */
export function flashElement(flashes: readonly Flash[], look: ((flash: Flash) => string) | undefined): string {
  const escaped = (text: string): string => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)
  const inside = look ?? (({ text }: Flash): string => `<span data-l-fill="text">${escaped(text)}</span>`)
  const mark = look === undefined ? ' class="loom-flash"' : ''
  const shown = flashes.map(
    (flash) => `<div${mark} role="${roleOf(flash.kind)}" data-l-kind="${flash.kind}">${inside(flash)}</div>`,
  )
  const templates =
    look === undefined
      ? []
      : KINDS.map((kind) => `<template data-l-look="${kind}">${look({ kind, text: '' })}</template>`)
  return `<div data-l-flash>${[...templates, ...shown].join('')}</div>`
}
