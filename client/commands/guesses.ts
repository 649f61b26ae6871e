/**
 * What the page shows before the server has answered. The page is the server's state with the guesses on top, in the
 * order in which they were made. Whatever the server says is shown without them (`aside`): all guesses are taken back, the
 * last one first, the page is changed, and those that still wait for their answers are made again. All of that is one
 * task, so nobody sees a page in between. A guess ends with the answer of its event, whether that was applied, failed or
 * lost. Its answer's patch follows in the same task.
 */

import { atRest } from '../input/core'
import type { Guess } from '../input/live_event'
import { record } from './changes'

interface Made {
  /** Makes its changes, in the page as it is now. */
  show: () => void
  undo: () => void
}

let made: Made[] = []
let isAside = false

const NOTHING = () => {}

/** Does `work` without the guesses; those that are left after it are made again. */
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
