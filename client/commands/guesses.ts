/**
 * Guesses: what the page shows before the server has answered. The page is the server's state with the guesses on top,
 * in the order in which they were made. A change of the server is made without the guesses (`aside`): all guesses are
 * taken back, the last one first, the page is changed, and the guesses that still wait for their answers are made
 * again. All of this is one task, so nobody sees a page in between. A guess ends with the answer of its event, whether
 * the event was applied, failed or was lost. The answer's patch follows in the same task.
 */

import { atRest } from '../input/core'
import type { Guess } from '../input/live_event'
import { record } from './changes'

interface Made {
  /** Makes the guess's changes, in the page as it is now. */
  show: () => void
  undo: () => void
}

let made: Made[] = []
let isAside = false

const NOTHING = () => {}

/** Does `work` in the page without guesses. The guesses that are left after `work` are made again. */
export function aside(work: () => void): void {
  if (isAside) return work()
  isAside = true
  try {
    for (const one of [...made].reverse()) one.undo()
    work()
  } finally {
    isAside = false
    for (const one of made) one.undo = record(one.show)
  }
}

export function createGuess(show: () => void): Guess {
  const one: Made = { show, undo: NOTHING }
  return {
    begin() {
      made.push(one)
      if (!isAside) atRest(() => (one.undo = record(show)))
    },
    end() {
      if (!made.includes(one)) return
      const drop = () => (made = made.filter((other) => other !== one))
      if (isAside) drop()
      else atRest(() => aside(drop))
    },
  }
}
