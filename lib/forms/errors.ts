/** The errors of a schema, by the names of fields. */

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { LiveEvent } from '../../index'
import { invalid, isObject } from '../check'
import { baseOf, MAX_LEVELS, MAX_NAME } from './names'

/** Errors by the name of the field, without `[]`; errors of the whole form are under the empty name. */
export type Errors = Record<string, string[]>

/** The most issues that are taken. */
const MOST_ISSUES = 1_000

type Path = readonly PropertyKey[]

/** @throws LoomError `LOOM_ARGUMENT` unless it is a schema of Standard Schema 1. */
export function checkSchema(schema: unknown, name: string): asserts schema is StandardSchemaV1 {
  // The schemas of arktype are functions.
  const standard: unknown =
    isObject(schema) || typeof schema === 'function' ? (schema as Record<string, unknown>)['~standard'] : undefined
  if (!isObject(standard) || standard['version'] !== 1 || typeof standard['validate'] !== 'function')
    throw invalid('a schema of Standard Schema 1 (zod, valibot, arktype)', name, schema)
}

function pathOf({ path = [] }: StandardSchemaV1.Issue): Path {
  return path.map((segment) => (typeof segment === 'object' ? segment.key : segment))
}

/** The messages of the issues. */
export function errorsOf(issues: readonly StandardSchemaV1.Issue[], nameOf: (path: Path) => string): Errors {
  // A field may be called like a member of `Object.prototype`. As props have them, `__proto__` is not among them.
  const errors = new Map<string, string[]>()
  for (const issue of issues.slice(0, MOST_ISSUES)) {
    const name = nameOf(pathOf(issue))
    const messages = errors.get(name)
    if (messages === undefined) errors.set(name, [issue.message])
    else messages.push(issue.message)
  }
  errors.delete('__proto__')
  return Object.fromEntries(errors)
}

/**
 * The errors that the page shows. While somebody fills in a form, these are the errors of fields that have been left or
 * whose errors are shown already. Once the form has been sent, or if the page does not say which fields have been left,
 * these are all errors.
 */
export function shownOf(errors: Errors, before: unknown, { type, left }: Pick<LiveEvent, 'type' | 'left'>): Errors {
  if (type === 'submit' || left === undefined) return errors
  const names = new Set(left.flatMap(placesOf))
  const known = isObject(before) ? before : {}
  const isShown = ([name]: [string, string[]]): boolean => Object.hasOwn(known, name) || names.has(name)
  return Object.fromEntries(Object.entries(errors).filter(isShown))
}

/** The field's name, and the names of the objects and lists around it: their errors are shown with the field. */
function placesOf(field: string): string[] {
  const name = baseOf(field)
  // No form has such a field. A page may send very many names, so the work for each name has a bound.
  if (name.length > MAX_NAME) return []
  const ends = [...name.matchAll(/[.[]/g)].slice(0, MAX_LEVELS).map(({ index }) => index)
  return [name, ...ends.filter((end) => end > 0).map((end) => name.slice(0, end))]
}
