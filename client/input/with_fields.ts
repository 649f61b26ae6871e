/** The file that the client loads for pages with fields. */

import { focusWished, keepCaret, noteTyping, wish } from './caret'
import { comeBack, isBack, noteTyped } from './come_back'
import { CONTAINER, isOn, own, root, take, THEIRS, type Core } from './core'
import { createDebouncer, flushAround } from './debounce'
import { isDirty, leave, touch, updateAll } from './dirty'
import { changed, compose, createFields, isChanged, isMore, noteEditable, resetForm, settle } from './fields'
import { bound, formVars, isRepeated, noteKey } from './form_vars'
import type { Forms } from './forms'
import { markLeft, noteLeft } from './leaving'
import { lockForm } from './lock'
import { hearModel } from './model'
import { needRecovery, type Given } from './recovery'
import { tell, wasReset } from './told'
import { focusInvalid, JUDGED, showValidity } from './validity'

function edited(target: EventTarget | null): void {
  changed(target)
  touch(target)
}

const give = (): Given => ({ own, root, isOn, CONTAINER, THEIRS, isDirty, isChanged, edited, tell })

function heard(event: Event): void {
  const { type, target } = event
  noteKey(event)
  if (type === 'input') edited(target)
  noteTyping(type)
  const isLeft = markLeft(event)
  // The control is told before the handler around it, as with typed text: the handler has the last word.
  hearModel(event)
  if (/^(change|focusout)$/.test(type)) flushAround(target)
  noteLeft(event, isLeft)
  if (type === 'reset') wasReset(event)
  if (/^com/.test(type)) compose(type === 'compositionstart' ? target : null)
}

export function start(core: Core): Forms {
  take(core)
  // If the page comes back, its fields are looked through later, when the client knows what the user has done
  // meanwhile.
  const isAgain = isBack()
  if (!isAgain) noteTyped()
  for (const field of root.querySelectorAll(JUDGED)) showValidity(field)
  return {
    heard,
    formVars,
    bound,
    isRepeated,
    createFields,
    isField(element, parts) {
      if (parts.some(({ name }) => name === 'data-l-recover')) needRecovery(give)
      return isMore(element, parts)
    },
    settle,
    noteEditable,
    resetForm,
    lockForm,
    leave,
    keepCaret,
    wish,
    focusWished() {
      focusWished()
      updateAll()
    },
    createDebouncer,
    focusInvalid,
    comeBack: isAgain ? comeBack : () => undefined,
  }
}
