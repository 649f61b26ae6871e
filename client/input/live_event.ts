/** An event on its way from the browser to a component: where it is bound, what it says, what shows that it waits. */

/** The element with the attribute that names a handler, and its component's. */
export interface Binding {
  element: Element
  container: Element
  type: string
  /** `data-l-TYPE`, or `data-l-on-TYPE.MODIFIERS`. */
  attribute: string
}

/** What an event says beside its handler and its type. */
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
  /** What the page names of the DOM event. */
  d?: Record<string, unknown> | undefined
  /** The chosen values of a `<select multiple>`. */
  m?: string[] | undefined
  /** The names of the form's fields that the user has left. */
  l?: string[] | undefined
}

/** What an event's target holds, which may be something else when the event is handled. */
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
  /** That names the handler, and says how often the event is sent. None if the client made the event itself. */
  attribute?: string
  /** What the page shows until the answer comes; or the call of a hook, which waits for the answer. */
  guess?: Guess | undefined
}

/** What commands show before the server has answered, or the call of a hook. */
export interface Guess {
  begin(): void
  /**
   * Takes it back: the event has its answer, also if `begin` was never called. With `problem` the event has failed, or is
   * lost: then that is said after the first call, in the same task, or by the first.
   */
  end(problem?: string): void
}

/** What made a click or submit event, and shows that it is under way. */
export interface Trigger {
  element: Element
  submitter: Element | null | undefined
  /** Its answer takes so long that the page is to show it. */
  isSlow?: boolean
  /** Of a submit. */
  form: HTMLFormElement | false | undefined
  /** That form, if its handler has not accepted it. */
  kept?: HTMLFormElement | false | undefined
}

/** An event, and what shows that it waits for its answer. */
export interface Made {
  event: LiveEvent
  trigger: Trigger | undefined
}

/** What gets the events of a container. */
export interface Receiver {
  /** Perhaps when the element has made no other event of the type for a while. */
  issue(event: LiveEvent, element: Element, trigger: Trigger | undefined): void
  /** Tells the page that the event is lost, since too much waits for the file for fields. */
  giveUp(event: LiveEvent): void
  /** Sends what waits for a pause. */
  flush(): void
}
