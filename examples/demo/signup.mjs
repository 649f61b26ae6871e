// A form with a schema. It also works without the client's script: then the browser sends it to the page's own address.

import { form, html, validated } from 'loom-live'
import { z } from 'zod'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

/** So many accounts are known; the oldest is forgotten first. */
const MOST_ACCOUNTS = 1_000
/**
 * The events that made the accounts, by e-mail address. It is in memory; a real application has a database for it.
 * @type {Map<string, string>}
 */
const accounts = new Map()

const schema = z
  .object({
    name: z.string().trim().min(2, 'Two letters at least.').max(60, 'Sixty letters at most.'),
    email: z.string().trim().toLowerCase().pipe(z.email('This is no e-mail address.').max(254)),
    password: z.string().min(10, 'Ten characters at least.').max(200, 'Two hundred characters at most.'),
    again: z.string(),
    plan: z.enum(['free', 'team'], 'Choose one of the two.'),
    terms: z.literal('on', 'Please agree to the terms.'),
  })
  .refine(({ password, again }) => password === again, {
    path: ['again'],
    message: 'The passwords differ.',
    // Beside the messages of other fields, too.
    when: () => true,
  })

const NOBODY = { name: '', email: '', plan: '', number: 0 }

const signup = loom.register('signup', {
  props: {
    /** @type {import('loom-live').FormErrors<typeof schema>} */
    errors: {},
    /** Who has signed up last on this page, until somebody else wants to. */
    welcome: NOBODY,
    /** How many have signed up on this page. */
    count: 0,
  },
  handle: {
    // As somebody types: nothing is done, and the fields that were left show their errors.
    check: validated(schema, (props) => props),
    save: validated(schema, (props, { name, email, plan }, event, ctx) => {
      // After a crash, or if a browser without the script sends the form twice, the same event comes again.
      if ((accounts.get(email) ?? event.id) !== event.id) {
        ctx.keepForm()
        return { ...props, errors: { email: ['Somebody has this address already.'] } }
      }
      accounts.set(email, event.id)
      for (const oldest of [...accounts.keys()].slice(0, -MOST_ACCOUNTS)) accounts.delete(oldest)
      const count = props.count + 1
      return { ...props, count, welcome: { name, email, plan, number: count } }
    }),
    again: (props) => ({ ...props, welcome: NOBODY }),
  },
  render: ({ errors, welcome }) => (welcome.number > 0 ? welcomed(welcome) : fields(errors)),
})

/** @param {import('loom-live').FormErrors<typeof schema>} errors */
function fields(errors) {
  const f = form('save', { errors })
  const terms = f.field('terms')
  // The browser's own checks would speak first, each browser in its own words.
  return html`
    <form
      class="fields"
      id="${f.id}"
      method="${f.method}"
      action="${f.action}"
      @submit=${f.handler}
      @input=${'check'}
      data-l-disable
      novalidate
    >
      ${f.seal}
      ${line(f.field('name'), 'Name', { autocomplete: 'name' })}
      ${line(f.field('email'), 'E-mail', { type: 'email', autocomplete: 'email' })}
      <div class="pair">
        ${line(f.field('password'), 'Password', { type: 'password', autocomplete: 'new-password', hint: 'Ten characters or more' })}
        ${line(f.field('again'), 'The same again', { type: 'password', autocomplete: 'new-password' })}
      </div>
      ${plans(f.field('plan'))}
      <div class="field">
        <label class="choice">
          <input
            type="checkbox"
            id="${terms.id}"
            name="${terms.name}"
            ?checked=${terms.has('on')}
            aria-invalid="${terms.invalid}"
            aria-describedby="${terms.describedBy}"
            data-l-validity="${terms.message}"
          >
          I agree to the terms
        </label>
        ${terms.error}
      </div>
      <div class="buttons"><button class="main" l-loading-text="Signing up …">Sign up</button></div>
      ${f.error}
    </form>
  `
}

/**
 * @param {import('loom-live').FormField} field
 * @param {string} label
 * @param {{ type?: string, autocomplete: string, hint?: string }} options
 */
function line(field, label, { type = 'text', autocomplete, hint }) {
  const described = [field.describedBy, hint && `${field.id}-hint`].filter(Boolean).join(' ')
  return html`
    <div class="field">
      <label for="${field.id}">${label}</label>
      <input
        id="${field.id}"
        name="${field.name}"
        type="${type}"
        value="${type === 'password' ? '' : field.value}"
        autocomplete="${autocomplete}"
        aria-required="true"
        aria-invalid="${field.invalid}"
        aria-describedby="${described || undefined}"
        data-l-validity="${field.message}"
      >
      ${hint && html`<p class="hint" id="${field.id}-hint">${hint}</p>`}
      ${field.error}
    </div>
  `
}

/** @param {import('loom-live').FormField} plan */
function plans(plan) {
  const choices = [
    ['free', 'Free', 'for one'],
    ['team', 'Team', 'for many'],
  ]
  return html`
    <fieldset class="field" aria-describedby="${plan.describedBy}">
      <legend>Plan</legend>
      <div class="choices">
        ${choices.map(
          ([value, name, what]) => html`
            <label class="choice">
              <input
                type="radio"
                id="${plan.id}-${value}"
                name="${plan.name}"
                value="${value}"
                ?checked=${plan.has(value)}
                data-l-validity="${plan.message}"
              >
              <span>${name} <small>${what}</small></span>
            </label>
          `,
        )}
      </div>
      ${plan.error}
    </fieldset>
  `
}

/** @param {typeof NOBODY} welcome */
function welcomed({ name, email, plan, number }) {
  const f = form('again')
  // The button that had the focus is gone, so the heading takes it: a screen reader goes on there.
  return html`
    <div class="welcome">
      <h3 id="welcome" tabindex="-1" autofocus>Welcome, ${name}!</h3>
      <p>We have written to <b>${email}</b>. Your plan is <b>${plan}</b>.</p>
      <p class="note">${number === 1 ? '1 account was' : `${number} accounts were`} made on this page.</p>
      <form id="${f.id}" method="${f.method}" action="${f.action}" @submit=${f.handler}>
        ${f.seal}
        <button>Sign up somebody else</button>
      </form>
    </div>
  `
}

/** @param {import('express').Request} request */
export async function signupPage(request) {
  return framed(
    { path: '/signup', title: 'Sign-up', styles: ['forms.css'] },
    `<header>
      <h1>Sign-up</h1>
      <p>A schema on the server checks the form as you type, and says what is wrong with a field once you have left it. Without JavaScript the same form is checked when it is sent.</p>
    </header>
    <main class="single">
      <section class="card form-card" aria-labelledby="signup">
        <h2 id="signup">An account <code>signup.mjs</code></h2>
        ${await loom.mount(signup, {}, { request })}
      </section>
    </main>`,
  )
}
