/**
 * An event on its way from the browser to a component: its binding, its values, and how the page shows that it waits.
 */

/** The element with the attribute that names a handler, and the container of its component. */
export interface Binding {
  element: Element
  container: Element
  type: string
  /** `data-l-TYPE`, or `data-l-on-TYPE.MODIFIERS`. */
  attribute: string
}

/** The values that an event sends in addition to its handler and its type. */
export interface SpecialVars {
  /** The value. */
  v?: string | undefined
  /** Whether it is checked. */
  c?: boolean | undefined
  /** The key. */
  k?: string | undefined
  /** The changed field's form, URL-encoded. */
  f?: string | undefined
  /** What the field holds if the value is the element's `data-l-value`. */
  t?: string | undefined
  /** The properties of the DOM event that the page names. */
  d?: Record<string, unknown> | undefined
  /** The chosen values of a `<select multiple>`. */
  m?: string[] | undefined
  /** The names of the form's fields that the user has left. */
  l?: string[] | undefined
}

/** The values of an event's target, kept since they may be others when the event is handled. */
export interface Held {
  value: unknown
  checked: boolean | undefined
  /** Of a select. */
  chosen: HTMLOptionElement[]
  /** Of its form. */
  data: FormData | null
}

export interface LiveEvent {
  handler: string
  type: string
  vars: SpecialVars
  /**
   * The attribute that names the handler, and says how often the event is sent. Not set if the client made the event.
   */
  attribute?: string
  /** Set if the page shows something until the answer comes, or if a hook's call waits for the answer. */
  guess?: Guess | undefined
}

/** The changes that commands show before the server has answered, or the call of a hook. */
export interface Guess {
  begin(): void
  /**
   * Takes the guess back: the event has its answer. Also called if `begin` never was. With `problem` the event has
   * failed, or is lost. The problem may come with a second call, in the same task as the first.
   */
  end(problem?: string): void
}

/** The element that made a click or submit event, and shows that the event is under way. */
export interface Trigger {
  element: Element
  submitter: Element | null | undefined
  /** The answer takes so long that the page is to show it. */
  isSlow?: boolean
  /** Of a submit. */
  form: HTMLFormElement | false | undefined
  /** The form, if its handler has not accepted it. */
  kept?: HTMLFormElement | false | undefined
}

/** An event, and the trigger that shows that the event waits for its answer. */
export interface Made {
  event: LiveEvent
  trigger: Trigger | undefined
}

/** A component, as the receiver of its container's events. */
export interface Receiver {
  /** Sends the event; with a debounce, after the element has made no other event of the type for a while. */
  issue(event: LiveEvent, element: Element, trigger: Trigger | undefined): void
  /** Tells the page that the event is lost, since too much waits for the file for fields. */
  giveUp(event: LiveEvent): void
  /** Sends the events that wait for a pause. */
  flush(): void
}
