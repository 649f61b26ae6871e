import type { IncomingMessage } from 'node:http'
import { isObject } from '../check'

/** By name; all values of a name that is repeated. The object has no prototype. */
export type FormFields = Record<string, string | string[]>

/** The body is larger than a message of the client may be. */
export class TooLarge extends Error {}

const URL_ENCODED = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** Whether the request is a form as browsers send it without a file. */
export function isForm({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && URL_ENCODED.test(headers['content-type'] ?? '')
}

/** @throws TooLarge if the body has more bytes. */
export async function readBody(request: IncomingMessage, most: number): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > most) throw new TooLarge()
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** As the form of an event: Rust reads those of live pages, src/bridge/form.rs. */
export function parseForm(body: string): FormFields {
  const fields = Object.create(null) as FormFields
  for (const [name, value] of new URLSearchParams(body)) {
    const before = fields[name]
    if (before === undefined) fields[name] = value
    else if (typeof before === 'string') fields[name] = [before, value]
    else before.push(value)
  }
  return fields
}

/** A body that another parser has read. Only that of plain names is known to be as the browser sent it. */
export function fieldsOf(body: unknown): FormFields | undefined {
  if (!isObject(body)) return undefined
  const isText = (value: unknown): boolean => typeof value === 'string'
  const entries = Object.entries(body)
  if (!entries.every(([, value]) => isText(value) || (Array.isArray(value) && value.every(isText)))) return undefined
  return Object.assign(Object.create(null) as FormFields, body)
}
