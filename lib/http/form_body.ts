import type { IncomingMessage } from 'node:http'
import { isObject } from '../check'

/** By name; all values of a name that is repeated. The object has no prototype. */
export type FormFields = Record<string, string | string[]>

/** The body is larger than a message of the client may be. */
export class TooLarge extends Error {}

/** The connection has ended before the body: nobody waits for an answer. */
export class CutOff extends Error {}

/** The body has more names of fields than a form may have. */
export class TooManyFields extends Error {
  /** What Fastify answers. */
  readonly statusCode = 413

  constructor(most: number) {
    super(`The form has more than ${most} fields.`)
  }
}

const URL_ENCODED = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** Whether the request is a form as browsers send it without a file. */
export function isForm({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && URL_ENCODED.test(headers['content-type'] ?? '')
}

/**
 * @throws TooLarge if the body has more bytes: the rest is then read and not kept, so that the answer arrives; CutOff
 * if the body does not arrive as a whole.
 */
export function readBody(request: IncomingMessage, most: number): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    request.on('data', (piece: Buffer) => {
      size += piece.length
      if (size <= most) {
        pieces.push(piece)
        return
      }
      pieces.length = 0
      reject(new TooLarge())
    })
    request.on('end', () => {
      resolve(Buffer.concat(pieces).toString('utf8'))
    })
    // After the end it is settled already.
    for (const event of ['error', 'close']) {
      request.on(event, () => {
        reject(new CutOff())
      })
    }
  })
}

/**
 * Parses a body like the form of an event; for live pages Rust does this, src/bridge/form.rs. Anybody can send a body
 * to any address, so its size is bounded as a form's is.
 *
 * @throws TooManyFields if there are more names than `most`, and the hidden field, which is none of the form's.
 */
export function parseForm(body: string, most: number): FormFields {
  const fields = Object.create(null) as FormFields
  let count = 0
  for (const [name, value] of new URLSearchParams(body)) {
    const before = fields[name]
    if (before === undefined) {
      if (++count > most + 1) throw new TooManyFields(most)
      fields[name] = value
    } else if (typeof before === 'string') fields[name] = [before, value]
    else before.push(value)
  }
  return fields
}

/** A body that another parser has read. Only that of plain names is known to be as the browser sent it. */
export function fieldsOf(body: unknown): FormFields | undefined {
  if (!isObject(body) || Buffer.isBuffer(body)) return undefined
  const isText = (value: unknown): boolean => typeof value === 'string'
  const entries = Object.entries(body)
  if (!entries.every(([, value]) => isText(value) || (Array.isArray(value) && value.every(isText)))) return undefined
  return Object.assign(Object.create(null) as FormFields, body)
}
