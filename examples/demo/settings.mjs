// Settings that are saved as they are made: there is no form, no button and no handler. Each control is bound to a prop.

import { form, html } from 'loom-live'
import { z } from 'zod'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', it: 'Italiano' }
const THEMES = { system: 'As the system', light: 'Light', dark: 'Dark' }
const TOPICS = { news: 'News', offers: 'Offers', tips: 'Tips' }
const DAYS = { mon: 'Monday', wed: 'Wednesday', fri: 'Friday', sun: 'Sunday' }
const REMINDERS = { 1: '1 day', 7: '7 days', 30: '30 days' }

/** One of the keys of these choices. A browser may send anything. */
const oneOf = (/** @type {object} */ choices) => z.enum(Object.keys(choices), 'Choose one of these.')

const settings = loom.register('settings', {
  props: {
    name: 'Ada Lovelace',
    email: 'ada@example.org',
    about: '',
    signature: 'Kind regards',
    language: 'en',
    theme: 'system',
    color: '#0f766e',
    size: 20,
    volume: 40,
    mails: true,
    /** @type {string[]} */
    topics: ['news'],
    /** @type {string[]} */
    days: ['mon'],
    /** @type {number[]} */
    reminders: [7],
    time: '08:00',
    birthday: '',
    away: '',
    month: '',
    week: '',
    /** @type {Record<string, string[]>} */
    errors: {},
  },
  model: {
    name: z.string().trim().min(2, 'Two letters at least.').max(60, 'Sixty letters at most.'),
    email: z.email('This is no e-mail address.').max(254, 'This address is too long.'),
    about: z.string().max(200, 'Two hundred letters at most.'),
    signature: z.string().max(200, 'Two hundred letters at most.'),
    language: oneOf(LANGUAGES),
    theme: oneOf(THEMES),
    color: 'color',
    size: z
      .string()
      .regex(/^\d+$/, 'A whole number.')
      .transform(Number)
      .pipe(z.number().min(10, 'Ten at least.').max(40, 'Forty at most.')),
    volume: 'number',
    mails: 'boolean',
    topics: z.array(oneOf(TOPICS)),
    days: z.array(oneOf(DAYS)),
    reminders: 'number[]',
    time: 'time',
    birthday: 'date',
    away: 'datetime',
    month: 'month',
    week: 'week',
  },
  handle: {},
  render: (props) => {
    const [about, signature] = [fieldOf(props, 'about'), fieldOf(props, 'signature')]
    return html`
    <div class="settings">
      <div class="fields">
        <fieldset>
          <legend>Profile</legend>
          ${line(props, 'name', 'Name', { autocomplete: 'name' })}
          ${line(props, 'email', 'E-mail, saved when you leave the field', { type: 'email', autocomplete: 'email', isLazy: true })}
          <div class="field">
            <label for="about">About you</label>
            <textarea
              id="about"
              rows="3"
              data-l-model="about"
              data-l-debounce="300"
              aria-invalid="${about.invalid}"
              aria-describedby="${about.describedBy}"
              data-l-validity="${about.message}"
            >${props.about}</textarea>
            ${about.error}
          </div>
          <div class="field">
            <span class="label" id="signature-label">Signature</span>
            <div
              class="edited"
              id="signature"
              role="textbox"
              aria-multiline="true"
              aria-labelledby="signature-label"
              aria-invalid="${signature.invalid}"
              aria-describedby="${signature.describedBy}"
              contenteditable
              data-l-model="signature"
            >${props.signature}</div>
            ${signature.error}
          </div>
          ${line(props, 'birthday', 'Birthday', { type: 'date' })}
        </fieldset>
        <fieldset>
          <legend>Looks</legend>
          <div class="pair">
            <div class="field">
              <label for="language">Language</label>
              <select id="language" data-l-model="language">${options(LANGUAGES, [props.language])}</select>
            </div>
            ${line(props, 'color', 'Colour', { type: 'color' })}
          </div>
          <fieldset class="field">
            <legend>Theme</legend>
            <div class="choices">
              ${Object.entries(THEMES).map(
                ([value, name]) => html`
                  <label class="choice">
                    <input type="radio" id="theme-${value}" name="theme" value="${value}" data-l-model="theme" ?checked=${props.theme === value}>
                    ${name}
                  </label>
                `,
              )}
            </div>
          </fieldset>
          <div class="pair">
            ${line(props, 'size', 'Size of the text', { type: 'number' })}
            <div class="field">
              <label for="volume">Volume, now ${props.volume}</label>
              <input type="range" id="volume" min="0" max="100" data-l-model="volume" data-l-throttle="200" value="${props.volume}">
            </div>
          </div>
        </fieldset>
        <fieldset>
          <legend>Mails</legend>
          <label class="choice">
            <input type="checkbox" id="mails" data-l-model="mails" ?checked=${props.mails}>
            Send me mails
          </label>
          ${boxes('topics', 'About', TOPICS, props.topics)}
          ${boxes('reminders', 'Remind me before', REMINDERS, props.reminders.map(String))}
          <div class="pair">
            <div class="field">
              <label for="days">On</label>
              <select id="days" multiple size="4" data-l-model="days">${options(DAYS, props.days)}</select>
            </div>
            ${line(props, 'time', 'At', { type: 'time' })}
          </div>
        </fieldset>
        <fieldset>
          <legend>Away</legend>
          ${line(props, 'away', 'From', { type: 'datetime-local' })}
          <div class="pair">
            ${line(props, 'week', 'Back in the week', { type: 'week' })}
            ${line(props, 'month', 'Bill again in', { type: 'month' })}
          </div>
        </fieldset>
      </div>
      ${preview(props)}
    </div>
  `
  },
})

/** @typedef {typeof settings extends import('loom-live').RegisteredModule<infer Props> ? Props : never} Props */

/**
 * Its messages, and what a control needs to show them.
 * @param {Pick<Props, 'errors'>} props
 * @param {string} name
 */
const fieldOf = ({ errors }, name) => form('settings', { errors }).field(name)

/**
 * A control with a line for its value.
 * @param {Props} props
 * @param {keyof Props} name
 * @param {string} label
 * @param {{ type?: string, autocomplete?: string, isLazy?: boolean }} [options]
 */
function line(props, name, label, { type = 'text', autocomplete = 'off', isLazy = false } = {}) {
  const field = fieldOf(props, name)
  return html`
    <div class="field">
      <label for="${name}">${label}</label>
      <input
        id="${name}"
        type="${type}"
        value="${String(props[name])}"
        autocomplete="${autocomplete}"
        data-l-model="${name}"
        ?data-l-model-lazy=${isLazy}
        aria-invalid="${field.invalid}"
        aria-describedby="${field.describedBy}"
        data-l-validity="${field.message}"
      >
      ${field.error}
    </div>
  `
}

/**
 * @param {object} choices
 * @param {readonly string[]} chosen
 */
function options(choices, chosen) {
  return Object.entries(choices).map(
    ([value, name]) => html`<option value="${value}" ?selected=${chosen.includes(value)}>${name}</option>`,
  )
}

/**
 * Checkboxes that together are one list.
 * @param {string} name
 * @param {string} legend
 * @param {object} choices
 * @param {readonly string[]} chosen
 */
function boxes(name, legend, choices, chosen) {
  return html`
    <fieldset class="field">
      <legend>${legend}</legend>
      <div class="choices">
        ${Object.entries(choices).map(
          ([value, text]) => html`
            <label class="choice">
              <input type="checkbox" id="${name}-${value}" value="${value}" data-l-model="${name}" ?checked=${chosen.includes(value)}>
              ${text}
            </label>
          `,
        )}
      </div>
    </fieldset>
  `
}

/**
 * What the server has: each setting as it was taken.
 * @param {Props} props
 */
function preview(props) {
  const initials = props.name
    .split(/\s+/)
    .map(([letter = '']) => letter)
    .join('')
    .slice(0, 2)
    .toUpperCase()
  const rows = {
    'Name': props.name,
    'E-mail': props.email,
    'About': props.about,
    'Signature': props.signature,
    'Birthday': props.birthday,
    'Language': props.language,
    'Theme': props.theme,
    'Colour': props.color,
    'Size': props.size,
    'Volume': props.volume,
    'Mails': props.mails ? 'yes' : 'no',
    'Topics': props.topics.join(', '),
    'Reminders': props.reminders.join(', '),
    'Days': props.days.join(', '),
    'Time': props.time,
    'Away': props.away,
    'Week': props.week,
    'Month': props.month,
  }
  return html`
    <aside class="preview" aria-labelledby="saved">
      <svg viewBox="0 0 80 80" width="80" height="80" aria-hidden="true">
        <circle cx="40" cy="40" r="40" fill="${props.color}"></circle>
        <text x="40" y="40" text-anchor="middle" dominant-baseline="central" font-size="${props.size}">${initials}</text>
      </svg>
      <h3 id="saved">What is saved</h3>
      <dl>
        ${Object.entries(rows).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value === '' ? '–' : value}</dd></div>`)}
      </dl>
    </aside>
  `
}

/** @param {import('express').Request} request */
export async function settingsPage(request) {
  return framed(
    { path: '/settings', title: 'Settings', styles: ['forms.css', 'settings.css'] },
    `<header>
      <h1>Settings</h1>
      <p>Each control is bound to a prop on the server by one attribute. What you change is saved as you change it.</p>
    </header>
    <main class="single">
      <section class="card" aria-labelledby="settings">
        <h2 id="settings">Your account <code>settings.mjs</code></h2>
        ${await loom.mount(settings, {}, { request })}
      </section>
    </main>`,
  )
}
