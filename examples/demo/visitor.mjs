// A visitor is a cookie, so that a page that is loaded again finds what its visitor has begun.

import { randomUUID } from 'node:crypto'

/**
 * @param {{ headers: Readonly<Record<string, string | string[] | undefined>> }} request
 * @returns {string | undefined}
 */
export function visitorOf(request) {
  return /(?:^|;\s*)visitor=([\da-f-]{36})(?:;|$)/.exec(String(request.headers.cookie))?.[1]
}

/** @type {import('express').RequestHandler} */
export function visitor(request, response, next) {
  if (visitorOf(request) === undefined) {
    response.cookie('visitor', randomUUID(), { httpOnly: true, sameSite: 'lax', secure: request.secure })
  }
  next()
}
