// The elements that a page can have. `jsx` looks a name up once for each shape of an element (`shapes.ts`).

const HTML =
  'a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas caption center cite ' +
  'code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fencedframe fieldset figcaption ' +
  'figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label ' +
  'legend li link main map mark marquee menu meta meter nav nobr noembed noframes noscript object ol optgroup option ' +
  'output p param picture pre progress q rb rp rt rtc ruby s samp script search section select selectedcontent slot small ' +
  'source span strike strong style sub summary sup table tbody td template textarea tfoot th thead time title tr track tt ' +
  'u ul var video wbr xmp'

const SVG =
  'svg animate animateMotion animateTransform circle clipPath defs desc ellipse feBlend feColorMatrix feComponentTransfer ' +
  'feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB ' +
  'feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting ' +
  'feSpotLight feTile feTurbulence filter foreignObject g image line linearGradient marker mask metadata mpath path pattern ' +
  'polygon polyline radialGradient rect set stop switch symbol text textPath tspan use view'

const MATHML =
  'math annotation annotation-xml maction menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom ' +
  'mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics'

const NAMES = [HTML, SVG, MATHML].flatMap((names) => names.split(' '))
const known: ReadonlySet<string> = new Set(NAMES)

/** Elements without content and without an end tag (WHATWG HTML 13.1.2). */
const VOID: ReadonlySet<string> = new Set(
  'area base br col embed hr img input link meta param source track wbr'.split(' '),
)

/** All names, for a guess which one was meant. */
export const ELEMENTS: readonly string[] = NAMES

/** Whether a page can have an element of this name. Custom elements have a hyphen in their name. */
export function isElement(name: string): boolean {
  return known.has(name) || /^[a-z][a-z0-9._]*-[a-z0-9._-]*$/.test(name)
}

export function isVoid(element: string): boolean {
  return VOID.has(element)
}
