/** A store in the application's hands, as tests need one: a `Map` that several looms share. */

import type { ClaimedState, LoomOptions, OwnStore, SavedState } from 'loom-live'

interface Kept {
  life: number
  revision: number
  state: string
  holder: string
  viewers: Record<string, number>
}

type Instead = (work: () => unknown) => unknown

async function does<T>(instead: Instead | undefined, work: () => T): Promise<T> {
  await new Promise(setImmediate)
  return instead === undefined ? work() : ((await instead(work)) as T)
}

export class MapStore implements OwnStore {
  readonly states = new Map<string, Kept>()
  /** How many states each call of `save` had. */
  readonly saves: number[] = []
  claims = 0
  /** Stand in for what the store does. */
  insteadOfClaim: Instead | undefined
  insteadOfSave: Instead | undefined

  claim(instance: string, after: number): Promise<ClaimedState | undefined> {
    this.claims += 1
    return does(this.insteadOfClaim, () => {
      const kept = this.states.get(instance)
      if (kept === undefined) return undefined
      kept.life = Math.max(kept.life, after) + 1
      return { ...kept }
    })
  }

  save(states: readonly SavedState[]): Promise<readonly string[]> {
    this.saves.push(states.length)
    return does(this.insteadOfSave, () => states.filter((state) => this.keeps(state)).map(({ instance }) => instance))
  }

  private keeps({ instance, life, revision, state, holder, viewers = {} }: SavedState): boolean {
    const kept = this.states.get(instance)
    if (kept !== undefined && (kept.life > life || (kept.life === life && kept.revision >= revision))) return false
    const numbers = new Map(Object.entries(kept?.viewers ?? {}))
    for (const [viewer, number] of Object.entries(viewers)) {
      if (number === null) numbers.delete(viewer)
      else numbers.set(viewer, number)
    }
    this.states.set(instance, { life, revision, state, holder, viewers: Object.fromEntries(numbers) })
    return true
  }
}

/** A store of its own, which all looms with these options share. */
export const ownStore = (): LoomOptions => ({ store: new MapStore() })
