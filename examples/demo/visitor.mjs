// A visitor is a cookie, so that a page that is loaded again finds what its visitor has begun.

import { randomUUID } from 'node:crypto'

/** @type {WeakMap<object, string>} */
const newcomers = new WeakMap()

/**
 * @param {import('express').Request} request
 * @returns {string}
 */
export function visitorOf(request) {
  const known = /(?:^|;\s*)visitor=([\da-f-]{36})(?:;|$)/.exec(String(request.headers.cookie))?.[1]
  return known ?? newcomers.get(request) ?? ''
}

/** @type {import('express').RequestHandler} */
export function visitor(request, response, next) {
  if (visitorOf(request) === '') {
    const id = randomUUID()
    newcomers.set(request, id)
    response.cookie('visitor', id, { httpOnly: true, sameSite: 'lax', secure: request.secure })
  }
  next()
}
