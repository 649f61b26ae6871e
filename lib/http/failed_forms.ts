/** So many forms are remembered for one user or, if the user is not known, for one address. */
const MOST_OF_ONE = 20
/** And of so many users. */
const MOST_HOLDERS = 1_000

/**
 * Forms that were taken and whose handlers have failed. Nothing was done, so these forms may be sent again. One holder
 * cannot push out the forms of another; more than `MOST_HOLDERS` holders can.
 */
export class FailedForms {
  private readonly holders = new Map<string, Set<string>>()

  add(holder: string, id: string): void {
    const ids = this.holders.get(holder) ?? new Set()
    // The holder of the newest form is forgotten last.
    this.holders.delete(holder)
    this.holders.set(holder, ids.add(id))
    const [oldest = id] = ids
    if (ids.size > MOST_OF_ONE) ids.delete(oldest)
    const [first = holder] = this.holders.keys()
    if (this.holders.size > MOST_HOLDERS) this.holders.delete(first)
  }

  /** Whether it was among them. */
  delete(holder: string, id: string): boolean {
    const ids = this.holders.get(holder)
    const wasThere = ids?.delete(id) === true
    if (ids?.size === 0) this.holders.delete(holder)
    return wasThere
  }
}
