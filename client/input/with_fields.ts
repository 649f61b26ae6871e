/** What the client loads for pages with fields. */

import { focusWished, keepCaret, noteTyping, wish } from './caret'
import { comeBack, isBack, noteTyped } from './come_back'
import { root, take, type Core } from './core'
import { createDebouncer, flushAround } from './debounce'
import { changed, compose, createFields, isMore, noteEditable, resetForm, settle } from './fields'
import { bound, formVars, isRepeated, noteKey } from './form_vars'
import type { Forms } from './forms'
import { noteLeft } from './leaving'
import { hearModel } from './model'
import { wasReset } from './told'
import { focusInvalid, JUDGED, showValidity } from './validity'

function heard(event: Event): void {
  const { type, target } = event
  noteKey(event)
  if (type === 'input') changed(target)
  noteTyping(type)
  hearModel(event)
  if (/^(change|focusout)$/.test(type)) flushAround(target)
  noteLeft(event)
  if (type === 'reset') wasReset(event)
  if (/^com/.test(type)) compose(type === 'compositionstart' ? target : null)
}

export function start(core: Core): Forms {
  take(core)
  // A page that comes back is looked through when what the user has done meanwhile is known.
  const isAgain = isBack()
  if (!isAgain) noteTyped()
  for (const field of root.querySelectorAll(JUDGED)) showValidity(field)
  return {
    heard,
    formVars,
    bound,
    isRepeated,
    createFields,
    isField: isMore,
    settle,
    noteEditable,
    resetForm,
    keepCaret,
    wish,
    focusWished,
    createDebouncer,
    focusInvalid,
    comeBack: isAgain ? comeBack : () => undefined,
  }
}
