// Compilers import this file for JSX if `jsxImportSource` is "loom-live". It has the functions that they call, and the types
// of elements and attributes.

import type { AttributeValue, Key, KeyedList, RawHtml, Tree } from './index'

/**
 * A child of an element: text, a number, an element, a value that `html`, `each`, `raw` or `sanitized` returned, or an array
 * of children. `null`, `undefined` and `false` show nothing. `true` shows the text "true".
 */
export type Child =
  string | number | bigint | boolean | null | undefined | Tree | KeyedList | RawHtml | readonly Child[]

/**
 * A component: a plain function of its props. The markup between its tags is the prop `children`. A component has no state;
 * a module has one.
 */
export type Component<Props extends object = object> = (props: Props) => Child

/** `<>…</>`: its children, with no element around them. */
export function Fragment(props: { readonly children?: Child }): Tree

/**
 * Compilers call this for an element or a component with one child or none.
 *
 * @throws LoomError `LOOM_TEMPLATE` if no page can have this element, an attribute of it or a child of it, or if a component
 * returned nothing or a promise. A component's own error is thrown as it is. The same holds for `jsxs` and `jsxDEV`.
 */
export function jsx(type: string | Component<never>, props: object, key?: Key | null): Tree
/** Compilers call this for an element or a component with several children. */
export function jsxs(type: string | Component<never>, props: object, key?: Key | null): Tree

/** The compile step calls this instead, for elements that it has compiled to one template. */
export function template(statics: TemplateStringsArray, ...dynamics: readonly unknown[]): Tree
/** The compile step calls this for a template with a key. Sets the key of this tree, and returns the tree. */
export function keyed(tree: Tree, key: Key | null | undefined): Tree

type Text = string | number | bigint | null | undefined | false
/** An attribute that is there or not; it has no text. */
type Flag = boolean | null | undefined
/** An attribute that is not there, is there without a text, or has a text. */
type Optional = string | number | boolean | null | undefined
/**
 * The value of `onClick` and its like: the name of a handler, a handler with arguments (`on('remove', { id })`), or commands
 * (`js.toggle('#menu')`). With `null`, `undefined` or `false` the event has no binding.
 */
export type Binding = string | AttributeValue | null | undefined | false
/**
 * A text with one declaration, or an object of declarations by property: `backgroundColor`, `'background-color'` or
 * `'--size'`.
 */
export type Style = string | null | undefined | false | { readonly [property: string]: Text }

/** Events of the browser. `on` and such a name is the name of a prop. */
type EventName =
  | 'Abort'
  | 'AnimationCancel'
  | 'AnimationEnd'
  | 'AnimationIteration'
  | 'AnimationStart'
  | 'AuxClick'
  | 'BeforeInput'
  | 'BeforeToggle'
  | 'Blur'
  | 'Cancel'
  | 'CanPlay'
  | 'CanPlayThrough'
  | 'Change'
  | 'Click'
  | 'Close'
  | 'CompositionEnd'
  | 'CompositionStart'
  | 'CompositionUpdate'
  | 'ContextMenu'
  | 'Copy'
  | 'CueChange'
  | 'Cut'
  | 'DblClick'
  | 'Drag'
  | 'DragEnd'
  | 'DragEnter'
  | 'DragLeave'
  | 'DragOver'
  | 'DragStart'
  | 'Drop'
  | 'DurationChange'
  | 'Emptied'
  | 'Ended'
  | 'Error'
  | 'Focus'
  | 'FocusIn'
  | 'FocusOut'
  | 'FormData'
  | 'FullscreenChange'
  | 'FullscreenError'
  | 'GotPointerCapture'
  | 'Input'
  | 'Invalid'
  | 'KeyDown'
  | 'KeyUp'
  | 'Load'
  | 'LoadedData'
  | 'LoadedMetadata'
  | 'LoadStart'
  | 'LostPointerCapture'
  | 'MouseDown'
  | 'MouseEnter'
  | 'MouseLeave'
  | 'MouseMove'
  | 'MouseOut'
  | 'MouseOver'
  | 'MouseUp'
  | 'Paste'
  | 'Pause'
  | 'Play'
  | 'Playing'
  | 'PointerCancel'
  | 'PointerDown'
  | 'PointerEnter'
  | 'PointerLeave'
  | 'PointerMove'
  | 'PointerOut'
  | 'PointerOver'
  | 'PointerUp'
  | 'Progress'
  | 'RateChange'
  | 'Reset'
  | 'Scroll'
  | 'ScrollEnd'
  | 'Seeked'
  | 'Seeking'
  | 'Select'
  | 'SelectionChange'
  | 'SelectStart'
  | 'SlotChange'
  | 'Stalled'
  | 'Submit'
  | 'Suspend'
  | 'TimeUpdate'
  | 'Toggle'
  | 'TouchCancel'
  | 'TouchEnd'
  | 'TouchMove'
  | 'TouchStart'
  | 'TransitionCancel'
  | 'TransitionEnd'
  | 'TransitionRun'
  | 'TransitionStart'
  | 'Visible'
  | 'VolumeChange'
  | 'Waiting'
  | 'Wheel'

/** `onClick`, and `onKeyDown` as well as `onKeydown`. */
type Bindings = { readonly [Name in EventName | Capitalize<Lowercase<EventName>> as `on${Name}`]?: Binding }

/**
 * Bindings by the name of the event, with its modifiers: the text after `@` in a template of `html`, for instance
 * `'keydown.enter.prevent'`.
 */
export type On = { readonly [event: string]: Binding }

/** The states and properties of WAI-ARIA. */
interface Aria {
  readonly 'aria-activedescendant'?: Optional
  readonly 'aria-atomic'?: Optional
  readonly 'aria-autocomplete'?: 'none' | 'inline' | 'list' | 'both' | null | undefined
  readonly 'aria-braillelabel'?: Optional
  readonly 'aria-brailleroledescription'?: Optional
  readonly 'aria-busy'?: Optional
  readonly 'aria-checked'?: boolean | 'true' | 'false' | 'mixed' | null | undefined
  readonly 'aria-colcount'?: Optional
  readonly 'aria-colindex'?: Optional
  readonly 'aria-colindextext'?: Optional
  readonly 'aria-colspan'?: Optional
  readonly 'aria-controls'?: Optional
  readonly 'aria-current'?:
    boolean | 'true' | 'false' | 'page' | 'step' | 'location' | 'date' | 'time' | null | undefined
  readonly 'aria-describedby'?: Optional
  readonly 'aria-description'?: Optional
  readonly 'aria-details'?: Optional
  readonly 'aria-disabled'?: Optional
  readonly 'aria-errormessage'?: Optional
  readonly 'aria-expanded'?: Optional
  readonly 'aria-flowto'?: Optional
  readonly 'aria-haspopup'?:
    boolean | 'true' | 'false' | 'menu' | 'listbox' | 'tree' | 'grid' | 'dialog' | null | undefined
  readonly 'aria-hidden'?: Optional
  readonly 'aria-invalid'?: boolean | 'true' | 'false' | 'grammar' | 'spelling' | null | undefined
  readonly 'aria-keyshortcuts'?: Optional
  readonly 'aria-label'?: Optional
  readonly 'aria-labelledby'?: Optional
  readonly 'aria-level'?: Optional
  readonly 'aria-live'?: 'off' | 'polite' | 'assertive' | null | undefined
  readonly 'aria-modal'?: Optional
  readonly 'aria-multiline'?: Optional
  readonly 'aria-multiselectable'?: Optional
  readonly 'aria-orientation'?: 'horizontal' | 'vertical' | null | undefined
  readonly 'aria-owns'?: Optional
  readonly 'aria-placeholder'?: Optional
  readonly 'aria-posinset'?: Optional
  readonly 'aria-pressed'?: boolean | 'true' | 'false' | 'mixed' | null | undefined
  readonly 'aria-readonly'?: Optional
  readonly 'aria-relevant'?: Optional
  readonly 'aria-required'?: Optional
  readonly 'aria-roledescription'?: Optional
  readonly 'aria-rowcount'?: Optional
  readonly 'aria-rowindex'?: Optional
  readonly 'aria-rowindextext'?: Optional
  readonly 'aria-rowspan'?: Optional
  readonly 'aria-selected'?: Optional
  readonly 'aria-setsize'?: Optional
  readonly 'aria-sort'?: 'none' | 'ascending' | 'descending' | 'other' | null | undefined
  readonly 'aria-valuemax'?: Optional
  readonly 'aria-valuemin'?: Optional
  readonly 'aria-valuenow'?: Optional
  readonly 'aria-valuetext'?: Optional
}

/** Attributes that loom-live's client reads: see docs/bindings.md, docs/forms.md, docs/model.md and docs/uploads.md. */
interface OfLoom {
  readonly 'data-l-confirm-leave'?: Optional
  readonly 'data-l-debounce'?: Optional
  readonly 'data-l-detail'?: Optional
  readonly 'data-l-disable'?: Optional
  readonly 'data-l-hook'?: Text
  readonly 'data-l-ignore'?: Optional
  readonly 'data-l-keep'?: Optional
  readonly 'data-l-model'?: Text
  readonly 'data-l-nav'?: Optional
  readonly 'data-l-patch'?: Optional
  readonly 'data-l-permanent'?: Optional
  readonly 'data-l-prefetch'?: Optional
  readonly 'data-l-replace'?: Optional
  readonly 'data-l-model-lazy'?: Optional
  readonly 'data-l-model-trim'?: Optional
  readonly 'data-l-prevent'?: Optional
  readonly 'data-l-recover'?: Optional
  readonly 'data-l-stop'?: Optional
  readonly 'data-l-throttle'?: Optional
  readonly 'data-l-upload'?: Text
  readonly 'data-l-value'?: Optional
  readonly 'data-l-click'?: Binding
  readonly 'data-l-input'?: Binding
  readonly 'data-l-change'?: Binding
  readonly 'data-l-submit'?: Binding
  readonly 'data-l-reset'?: Binding
  readonly 'data-l-keydown'?: Binding
  readonly 'data-l-keyup'?: Binding
  readonly 'data-l-focus'?: Binding
  readonly 'data-l-blur'?: Binding
  readonly 'l-loading'?: Optional
  readonly 'l-loading-text'?: Optional
}

/** The attributes that every element may have. Names are those of HTML: `tabindex`, `readonly`. */
export interface Attributes extends Bindings, Aria, OfLoom {
  readonly [data: `data-${string}`]: string | number | bigint | boolean | AttributeValue | null | undefined
  readonly key?: Key | null | undefined
  readonly children?: Child
  /** Events with modifiers, and events that are not the browser's: `on={{ 'keydown.enter.prevent': 'send' }}`. */
  readonly on?: On | null | undefined | false
  /** Attributes that are there or not, whatever their names are: `bool={{ active: isActive }}`. */
  readonly bool?: { readonly [attribute: string]: unknown } | null | undefined | false
  readonly style?: Style
  readonly class?: Text
  /** The same as `class`. */
  readonly className?: Text
  readonly id?: Text
  readonly title?: Text
  readonly role?: Text
  readonly slot?: Text
  readonly part?: Text
  readonly lang?: Text
  readonly dir?: 'ltr' | 'rtl' | 'auto' | null | undefined
  readonly hidden?: boolean | '' | 'hidden' | 'until-found' | null | undefined
  readonly inert?: Flag
  readonly tabindex?: Text
  readonly accesskey?: Text
  readonly autofocus?: Flag
  readonly autocapitalize?: Optional
  readonly autocorrect?: boolean | 'on' | 'off' | null | undefined
  readonly contenteditable?: boolean | 'true' | 'false' | 'plaintext-only' | null | undefined
  readonly draggable?: boolean | 'true' | 'false' | null | undefined
  readonly enterkeyhint?: 'enter' | 'done' | 'go' | 'next' | 'previous' | 'search' | 'send' | null | undefined
  readonly exportparts?: Text
  readonly inputmode?: 'none' | 'text' | 'decimal' | 'numeric' | 'tel' | 'search' | 'email' | 'url' | null | undefined
  readonly is?: Text
  readonly itemid?: Text
  readonly itemprop?: Text
  readonly itemref?: Text
  readonly itemscope?: Flag
  readonly itemtype?: Text
  readonly nonce?: Text
  readonly popover?: boolean | '' | 'auto' | 'manual' | 'hint' | null | undefined
  readonly spellcheck?: boolean | 'true' | 'false' | null | undefined
  readonly translate?: boolean | 'yes' | 'no' | null | undefined
  readonly writingsuggestions?: boolean | 'true' | 'false' | null | undefined
}

interface Link {
  readonly href?: Text
  readonly hreflang?: Text
  readonly ping?: Text
  readonly referrerpolicy?: Text
  readonly rel?: Text
  readonly target?: Text
  readonly type?: Text
}

interface Sized {
  readonly width?: Text
  readonly height?: Text
}

/** Attributes of a button that sends its form in another way than the form says. */
interface Submitter {
  readonly form?: Optional
  readonly formaction?: Text
  readonly formenctype?: Text
  readonly formmethod?: Text
  readonly formnovalidate?: Flag
  readonly formtarget?: Text
}

interface Commander {
  readonly command?: Text
  readonly commandfor?: Text
  readonly popovertarget?: Text
  readonly popovertargetaction?: Text
}

interface Field {
  readonly name?: Text
  readonly disabled?: Flag
  readonly form?: Optional
}

interface Typed extends Field {
  readonly autocomplete?: Optional
  readonly dirname?: Text
  readonly maxlength?: Text
  readonly minlength?: Text
  readonly placeholder?: Text
  readonly readonly?: Flag
  readonly required?: Flag
}

interface Loaded {
  readonly crossorigin?: Optional
  readonly fetchpriority?: 'high' | 'low' | 'auto' | null | undefined
  readonly loading?: 'eager' | 'lazy' | null | undefined
  readonly referrerpolicy?: Text
  readonly src?: Text
}

interface Media extends Loaded {
  readonly autoplay?: Flag
  readonly controls?: Flag
  readonly controlslist?: Text
  readonly disableremoteplayback?: Flag
  readonly loop?: Flag
  readonly muted?: Flag
  readonly preload?: '' | 'none' | 'metadata' | 'auto' | null | undefined
}

interface Cell {
  readonly abbr?: Text
  readonly colspan?: Text
  readonly headers?: Text
  readonly rowspan?: Text
}

interface Change {
  readonly cite?: Text
  readonly datetime?: Text
}

/** Elements with no attributes but those that every element may have. */
type Plain =
  | 'abbr'
  | 'address'
  | 'article'
  | 'aside'
  | 'b'
  | 'bdi'
  | 'bdo'
  | 'body'
  | 'br'
  | 'caption'
  | 'cite'
  | 'code'
  | 'datalist'
  | 'dd'
  | 'dfn'
  | 'div'
  | 'dl'
  | 'dt'
  | 'em'
  | 'figcaption'
  | 'figure'
  | 'footer'
  | 'h1'
  | 'h2'
  | 'h3'
  | 'h4'
  | 'h5'
  | 'h6'
  | 'head'
  | 'header'
  | 'hgroup'
  | 'hr'
  | 'html'
  | 'i'
  | 'kbd'
  | 'legend'
  | 'main'
  | 'mark'
  | 'menu'
  | 'nav'
  | 'noscript'
  | 'p'
  | 'picture'
  | 'pre'
  | 'rp'
  | 'rt'
  | 'ruby'
  | 's'
  | 'samp'
  | 'search'
  | 'section'
  | 'selectedcontent'
  | 'small'
  | 'span'
  | 'strong'
  | 'sub'
  | 'summary'
  | 'sup'
  | 'table'
  | 'tbody'
  | 'tfoot'
  | 'thead'
  | 'title'
  | 'tr'
  | 'u'
  | 'ul'
  | 'var'
  | 'wbr'

interface OfHtml {
  readonly a: Attributes & Link & { readonly download?: Optional }
  readonly area: Attributes &
    Link & { readonly alt?: Text; readonly coords?: Text; readonly download?: Optional; readonly shape?: Text }
  readonly audio: Attributes & Media
  readonly base: Attributes & { readonly href?: Text; readonly target?: Text }
  readonly blockquote: Attributes & { readonly cite?: Text }
  readonly button: Attributes &
    Field &
    Submitter &
    Commander & { readonly type?: 'submit' | 'reset' | 'button' | null | undefined; readonly value?: Text }
  readonly canvas: Attributes & Sized
  readonly col: Attributes & { readonly span?: Text }
  readonly colgroup: Attributes & { readonly span?: Text }
  readonly data: Attributes & { readonly value?: Text }
  readonly del: Attributes & Change
  readonly details: Attributes & { readonly name?: Text; readonly open?: Flag }
  readonly dialog: Attributes & {
    readonly closedby?: 'any' | 'closerequest' | 'none' | null | undefined
    readonly open?: Flag
  }
  readonly embed: Attributes & Sized & { readonly src?: Text; readonly type?: Text }
  readonly fieldset: Attributes & Field
  readonly form: Attributes & {
    readonly 'accept-charset'?: Text
    readonly action?: Text
    readonly autocomplete?: Optional
    readonly enctype?: Text
    readonly method?: 'get' | 'post' | 'dialog' | (string & {}) | null | undefined
    readonly name?: Text
    readonly novalidate?: Flag
    readonly rel?: Text
    readonly target?: Text
  }
  readonly iframe: Attributes &
    Sized &
    Loaded & {
      readonly allow?: Text
      readonly allowfullscreen?: Flag
      readonly name?: Text
      readonly sandbox?: Text
      readonly srcdoc?: Text
    }
  readonly img: Attributes &
    Sized &
    Loaded & {
      readonly alt?: Text
      readonly decoding?: 'sync' | 'async' | 'auto' | null | undefined
      readonly ismap?: Flag
      readonly sizes?: Text
      readonly srcset?: Text
      readonly usemap?: Text
    }
  readonly input: Attributes &
    Typed &
    Submitter &
    Commander &
    Sized & {
      readonly accept?: Text
      readonly alpha?: Flag
      readonly alt?: Text
      readonly capture?: Optional
      readonly checked?: Flag
      readonly colorspace?: Text
      readonly list?: Text
      readonly max?: Text
      readonly min?: Text
      readonly multiple?: Flag
      readonly pattern?: Optional
      readonly size?: Text
      readonly src?: Text
      readonly step?: Text
      readonly type?: Text
      readonly value?: Text
      readonly webkitdirectory?: Flag
    }
  readonly ins: Attributes & Change
  readonly label: Attributes & { readonly for?: Optional; readonly htmlFor?: Optional }
  readonly li: Attributes & { readonly value?: Text }
  readonly link: Attributes &
    Link &
    Loaded & {
      readonly as?: Text
      readonly blocking?: Text
      readonly color?: Text
      readonly disabled?: Flag
      readonly imagesizes?: Text
      readonly imagesrcset?: Text
      readonly integrity?: Text
      readonly media?: Text
      readonly sizes?: Text
    }
  readonly map: Attributes & { readonly name?: Text }
  readonly meta: Attributes & {
    readonly charset?: Text
    readonly content?: Text
    readonly 'http-equiv'?: Text
    readonly media?: Text
    readonly name?: Text
    readonly property?: Text
  }
  readonly meter: Attributes & {
    readonly high?: Text
    readonly low?: Text
    readonly max?: Text
    readonly min?: Text
    readonly optimum?: Text
    readonly value?: Text
  }
  readonly object: Attributes &
    Sized & { readonly data?: Text; readonly form?: Optional; readonly name?: Text; readonly type?: Text }
  readonly ol: Attributes & { readonly reversed?: Flag; readonly start?: Text; readonly type?: Text }
  readonly optgroup: Attributes & { readonly disabled?: Flag; readonly label?: Text }
  readonly option: Attributes & {
    readonly disabled?: Flag
    readonly label?: Text
    readonly selected?: Flag
    readonly value?: Text
  }
  readonly output: Attributes & {
    readonly for?: Optional
    readonly htmlFor?: Optional
    readonly form?: Optional
    readonly name?: Text
  }
  readonly progress: Attributes & { readonly max?: Text; readonly value?: Text }
  readonly q: Attributes & { readonly cite?: Text }
  readonly script: Attributes &
    Loaded & {
      readonly async?: Flag
      readonly blocking?: Text
      readonly defer?: Flag
      readonly integrity?: Text
      readonly nomodule?: Flag
      readonly type?: Text
    }
  readonly select: Attributes &
    Field & {
      readonly autocomplete?: Optional
      readonly multiple?: Flag
      readonly required?: Flag
      readonly size?: Text
    }
  readonly slot: Attributes & { readonly name?: Text }
  readonly source: Attributes &
    Sized & {
      readonly media?: Text
      readonly sizes?: Text
      readonly src?: Text
      readonly srcset?: Text
      readonly type?: Text
    }
  readonly style: Attributes & { readonly blocking?: Text; readonly media?: Text }
  readonly td: Attributes & Cell
  readonly template: Attributes & {
    readonly shadowrootclonable?: Flag
    readonly shadowrootdelegatesfocus?: Flag
    readonly shadowrootmode?: 'open' | 'closed'
    readonly shadowrootserializable?: Flag
  }
  readonly textarea: Attributes & Typed & { readonly cols?: Text; readonly rows?: Text; readonly wrap?: Text }
  readonly th: Attributes & Cell & { readonly scope?: Text }
  readonly time: Attributes & { readonly datetime?: Text }
  readonly track: Attributes & {
    readonly default?: Flag
    readonly kind?: Text
    readonly label?: Text
    readonly src?: Text
    readonly srclang?: Text
  }
  readonly video: Attributes &
    Media &
    Sized & { readonly disablepictureinpicture?: Flag; readonly playsinline?: Flag; readonly poster?: Text }
}

/**
 * Elements of SVG and MathML, and custom elements: their attributes are not listed. With `unknown` instead of `any`, the
 * attributes that an application lists for an element of its own would not be a kind of these.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Open = Attributes & { readonly [name: string]: any }

type OfSvg =
  | 'svg'
  | 'animate'
  | 'animateMotion'
  | 'animateTransform'
  | 'circle'
  | 'clipPath'
  | 'defs'
  | 'desc'
  | 'ellipse'
  | 'feBlend'
  | 'feColorMatrix'
  | 'feComponentTransfer'
  | 'feComposite'
  | 'feConvolveMatrix'
  | 'feDiffuseLighting'
  | 'feDisplacementMap'
  | 'feDistantLight'
  | 'feDropShadow'
  | 'feFlood'
  | 'feFuncA'
  | 'feFuncB'
  | 'feFuncG'
  | 'feFuncR'
  | 'feGaussianBlur'
  | 'feImage'
  | 'feMerge'
  | 'feMergeNode'
  | 'feMorphology'
  | 'feOffset'
  | 'fePointLight'
  | 'feSpecularLighting'
  | 'feSpotLight'
  | 'feTile'
  | 'feTurbulence'
  | 'filter'
  | 'foreignObject'
  | 'g'
  | 'image'
  | 'line'
  | 'linearGradient'
  | 'marker'
  | 'mask'
  | 'metadata'
  | 'mpath'
  | 'path'
  | 'pattern'
  | 'polygon'
  | 'polyline'
  | 'radialGradient'
  | 'rect'
  | 'set'
  | 'stop'
  | 'switch'
  | 'symbol'
  | 'text'
  | 'textPath'
  | 'tspan'
  | 'use'
  | 'view'

type OfMathml =
  | 'math'
  | 'annotation'
  | 'annotation-xml'
  | 'menclose'
  | 'merror'
  | 'mfrac'
  | 'mi'
  | 'mmultiscripts'
  | 'mn'
  | 'mo'
  | 'mover'
  | 'mpadded'
  | 'mphantom'
  | 'mprescripts'
  | 'mroot'
  | 'mrow'
  | 'ms'
  | 'mspace'
  | 'msqrt'
  | 'mstyle'
  | 'msub'
  | 'msubsup'
  | 'msup'
  | 'mtable'
  | 'mtd'
  | 'mtext'
  | 'mtr'
  | 'munder'
  | 'munderover'
  | 'none'
  | 'semantics'

export namespace JSX {
  type Element = Tree
  /** The name of an element, or a function. A class cannot be a component. */
  type ElementType = keyof IntrinsicElements | Component<never>
  interface ElementChildrenAttribute {
    children: unknown
  }
  interface IntrinsicAttributes {
    readonly key?: Key | null | undefined
  }
  // An interface, so that an application can add its custom elements with their attributes.
  interface IntrinsicElements
    extends Readonly<Record<Plain, Attributes>>, OfHtml, Readonly<Record<OfSvg | OfMathml, Open>> {
    readonly [custom: `${string}-${string}`]: Open
  }
}
