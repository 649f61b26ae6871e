import { randomUUID } from 'node:crypto'
import type { LiveModule } from '../../index'
import type { Recorded, Recorder, Step } from '../call/recorder'
import { each } from '../render/each'
import { html } from '../render/html'
import type { Tree } from '../render/tree'
import { isLoopback } from './local'

/** How often the page looks for something new. */
const LOOK_MS = 400
const LATENCIES = [0, 50, 200, 500, 1_000, 3_000]
const LONGEST_SHOWN = 20_000

export interface DevtoolsProps {
  /** The version of the recorder's data that the page shows. */
  readonly version: number
  /** The actor of the component that is shown; 0 if no component is chosen. */
  readonly actor: number
  /** The number of the step that is shown; 0 if no step is chosen. */
  readonly step: number
  readonly latency: number
  readonly said: string
}

/** The functions of devtools beside showing. */
export interface DevtoolsHost {
  readonly recorder: Recorder
  /** Has a component go on with these props. False if it has ended. */
  goBack(actor: number, json: string): boolean
  /** Ends the process as a crash does. */
  kill(): void
}

/** Names this process. Numbers of processes come again: in containers each is the first. */
const THIS = randomUUID()

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** A number that a browser has sent: of an actor or a step. 0 if the text is not a number. */
const numberOf = (value: unknown): number => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : 0)

export function devtoolsModule(host: DevtoolsHost): LiveModule<DevtoolsProps> {
  const { recorder } = host
  return {
    props: { version: 0, actor: 0, step: 0, latency: 0, said: '' },
    // The route and the socket have asked already; a state that comes back in another place is asked about again.
    authorize: (ctx) => isLoopback(ctx.request.address),
    connected: (_, ctx) => {
      ctx.every('look', LOOK_MS)
      return { version: recorder.version }
    },
    handle: {
      choose: (props, { value }) => ({ ...props, actor: numberOf(value), step: 0, said: '' }),
      step: (props, { value }) => ({ ...props, step: numberOf(value), said: '' }),
      back: (props) => {
        const step = recorder.step(props.step)
        const isDone = step?.after !== undefined && host.goBack(step.actor, step.after)
        const said = isDone
          ? `Goes on from step ${props.step}.`
          : 'The component has ended, or the step is not kept any more.'
        return { ...props, said }
      },
      latency: (props, { value }, ctx) => {
        const latency = LATENCIES.find((one) => String(one) === value) ?? 0
        ctx.push('latency', latency)
        return { ...props, latency }
      },
      cut: (props, _, ctx) => {
        ctx.push('cut')
        return { ...props, said: 'The connections of the pages in this browser are cut; they come back by themselves.' }
      },
      kill: (props, { value }) => {
        // The event has no answer, so that its page sends it to the next process again, which has not been meant.
        if (value === THIS) host.kill()
        return props
      },
    },
    receive: {
      look: (props) => (props.version === recorder.version ? props : { ...props, version: recorder.version }),
    },
    // Beside its props it reads the recorder, whose version they have.
    render: (props) => page(recorder, props),
  }
}

function page(recorder: Recorder, { actor, step, latency, said }: DevtoolsProps): Tree {
  const components = [...recorder.components.values()]
  const pages = new Map<string, Recorded[]>()
  for (const one of components) pages.set(one.pageKey, [...(pages.get(one.pageKey) ?? []), one])
  const chosen = recorder.components.get(actor)
  const steps = recorder.steps.filter((one) => actor === 0 || one.actor === actor).reverse()
  const looked = step === 0 ? undefined : recorder.step(step)
  return html`
    <header>
      <h1>loom-live, development</h1>
      <label>Latency <select data-l-change="latency" name="latency">
        ${LATENCIES.map((ms) => html`<option value="${ms}" selected="${ms === latency}">${ms === 0 ? 'none' : `${ms} ms`}</option>`)}
      </select></label>
      <button data-l-click="cut">Cut the connections</button>
      <button class="kill" data-l-click="kill" data-l-value="${THIS}">Kill the process</button>
    </header>
    <p role="status" class="said">${said}</p>
    <div class="columns">
      <section aria-label="Components">
        <h2>${counted(components.length, 'component')}, ${counted(pages.size, 'page')}</h2>
        <ul><li><button data-l-click="choose" data-l-value="0" aria-pressed="${actor === 0}">all</button></li></ul>
        ${each(
          [...pages.values()],
          (list) => list[0]?.pageKey ?? '',
          (list) => html`<div>
            <h3>${titleOf(list[0])}</h3>
            <ul>${each(
              list,
              (one) => one.actor,
              (one) =>
                html`<li><button data-l-click="choose" data-l-value="${one.actor}" aria-pressed="${one.actor === actor}">${one.module} <small>${one.id}</small></button></li>`,
              [actor],
            )}</ul>
          </div>`,
          [actor],
        )}
      </section>
      <section class="steps" aria-label="Steps">
        <h2>The last steps${chosen === undefined ? '' : ` of ${chosen.module}`}</h2>
        <table>
          <thead><tr><th>Step</th><th>Cause</th><th>Changed</th><th>ms</th></tr></thead>
          <tbody>${each(
            steps,
            (one) => one.number,
            (one) => row(one, actor === 0, one.number === step),
            [actor, step],
          )}</tbody>
        </table>
      </section>
      <section aria-label="State">${looked !== undefined ? stepOf(looked) : chosen !== undefined ? stateOf(chosen) : html`<p>Choose a component, or a step.</p>`}</section>
    </div>`
}

function titleOf(one: Recorded | undefined): string {
  if (one === undefined) return ''
  const whose = one.bind === '' ? '' : ` (${one.bind})`
  return one.key !== '' ? `shared, ${one.key}` : one.page === '' ? 'without a page' : `${one.page}${whose}`
}

function row(step: Step, isNamed: boolean, isChosen: boolean): Tree {
  const what = isNamed ? `${step.module}: ${step.cause}` : step.cause
  return html`<tr class="${step.failed === undefined ? '' : 'failed'}">
    <td><button data-l-click="step" data-l-value="${step.number}" aria-pressed="${isChosen}">${step.number}</button></td>
    <td>${what}</td><td>${step.failed ?? step.changed.join(', ')}</td><td class="number">${step.ms.toFixed(1)}</td></tr>`
}

function stateOf({ module, props, topics, timers, since }: Recorded): Tree {
  return html`<h2>${module}</h2>
    <p>since ${new Date(since).toISOString().slice(11, 19)} UTC</p>
    <h3>Props</h3><pre class="props">${props === '' ? 'not kept' : pretty(props)}</pre>
    <h3>Topics</h3><ul class="topics">${topics.map((topic) => html`<li>${topic}</li>`)}</ul>
    <h3>Timers</h3><ul class="timers">${Object.entries(timers).map(([name, when]) => html`<li>${name}: ${when}</li>`)}</ul>`
}

function stepOf({ number, module, cause, at, ms, changed, after, failed, effects }: Step): Tree {
  return html`<h2>Step ${number}: ${module}, ${cause}</h2>
    <p>${new Date(at).toISOString().slice(11, 23)} UTC, ${ms.toFixed(1)} ms</p>
    <p>${failed === undefined ? `Changed: ${changed.join(', ') || 'nothing'}` : `Failed: ${failed}`}</p>
    ${after === undefined ? '' : html`<button class="back" data-l-click="back">Go back to this state</button>`}
    <h3>Props after it</h3><pre class="props">${after === undefined ? 'not kept' : pretty(after)}</pre>
    <h3>Asked for</h3><pre>${effects.join('\n')}</pre>`
}

function pretty(json: string): string {
  let text = json
  try {
    text = JSON.stringify(JSON.parse(json), null, 2)
  } catch {
    // Of a raw module: shown as it is.
  }
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}\n…` : text
}
