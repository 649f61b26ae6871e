import type { ClaimedState, OwnStore } from '../../index'
import { invalid, isObject } from '../check'
import { textOf, traceOf } from '../errors'
import type { NativeLoom } from '../native'
import type { StoreCall } from './jobs'

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** The result of `claim`, checked, without other members. */
function claimedOf(given: unknown): ClaimedState | null {
  if (given === undefined || given === null) return null
  if (!isObject(given)) throw invalid('a state, or nothing,', 'the result of store.claim', given)
  const { life, revision, state, viewers } = given
  if (!isCount(life)) throw invalid('a whole number', 'the life of the result of store.claim', life)
  if (!isCount(revision)) throw invalid('a whole number', 'the revision of the result of store.claim', revision)
  if (typeof state !== 'string') throw invalid('a string', 'the state of the result of store.claim', state)
  if (viewers === undefined || viewers === null) return { life, revision, state }
  if (!isObject(viewers) || !Object.values(viewers).every(isCount))
    throw invalid('an object of whole numbers', 'the viewers of the result of store.claim', viewers)
  return { life, revision, state, viewers: viewers as Record<string, number> }
}

/** The result of `save`, checked. */
function keptOf(given: unknown): readonly string[] {
  if (!Array.isArray(given) || !given.every((instance) => typeof instance === 'string'))
    throw invalid('a list of the instances whose states are kept', 'the result of store.save', given)
  return given
}

/** Calls the application's own store when src/store/own/ asks, and hands over the results. */
export class OwnStoreCalls {
  constructor(
    private readonly native: () => NativeLoom,
    private readonly store: OwnStore,
  ) {}

  /** One argument is the list of states to be saved; two arguments belong to a claim. Must not throw. */
  run(call: number, ...[first, after]: StoreCall): void {
    const { store } = this
    // If the store throws, the promise rejects.
    const given = new Promise<unknown>((resolve) => {
      resolve(typeof first === 'string' ? store.claim(first, after as number) : store.save(first))
    })
    const checked = given.then((result) => (typeof first === 'string' ? claimedOf(result) : keptOf(result)))
    checked.then(
      (result) => {
        this.native().storeAnswered(call, undefined, JSON.stringify(result))
      },
      (error: unknown) => {
        this.native().storeAnswered(call, textOf(error), traceOf(error))
      },
    )
  }
}
