/** The files of devtools' page, beside the client. */

export const STYLE = `
* { box-sizing: border-box; }
body { margin: 0; font: 14px/1.45 system-ui, sans-serif; color: #18181b; background: #fafafa; }
header, .columns { display: flex; flex-wrap: wrap; gap: 12px; padding: 10px 14px; }
header { align-items: center; background: #18181b; color: #fafafa; }
header h1 { font-size: 16px; margin: 0 auto 0 0; }
.columns > section { flex: 1 1 300px; min-width: 0; background: #fff; border: 1px solid #d4d4d8; border-radius: 8px; padding: 10px 12px; }
.columns > .steps { flex: 2 1 420px; }
h2 { font-size: 14px; margin: 0 0 8px; }
h3 { font-size: 13px; margin: 10px 0 4px; color: #3f3f46; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0 0 0 10px; }
button, select { font: inherit; min-height: 28px; border: 1px solid #71717a; border-radius: 6px; background: #fff; color: #18181b; cursor: pointer; }
li button { width: 100%; text-align: left; border-color: transparent; background: none; overflow-wrap: anywhere; }
li button:hover { background: #f4f4f5; }
[aria-pressed="true"] { background: #dbeafe !important; border-color: #1d4ed8 !important; }
button.kill { border-color: #b91c1c; color: #b91c1c; }
:focus-visible { outline: 2px solid #1d4ed8; outline-offset: 1px; }
table { width: 100%; border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; padding: 2px 6px; border-bottom: 1px solid #e4e4e7; vertical-align: top; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.failed td { color: #b91c1c; }
pre { font: 12px/1.45 ui-monospace, Menlo, Consolas, monospace; background: #f4f4f5; padding: 8px; border-radius: 6px; overflow: auto; max-height: 40vh; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
p { margin: 6px 0; }
`

/** Storage is how the tabs of one browser hear of each other: see client/live/network.ts. */
export const SCRIPT = `
addEventListener('loom:push', ({ detail: { name, data } }) => {
  if (name === 'latency') localStorage.setItem('loom.latency', data)
  if (name === 'cut') localStorage.setItem('loom.cut', Date.now() + ' ' + Math.random())
})
// The setting outlives the page.
addEventListener('loom:join', () => {
  const latency = localStorage.getItem('loom.latency') ?? '0'
  const select = document.querySelector('select')
  if (select.value === latency) return
  select.value = latency
  select.dispatchEvent(new Event('change', { bubbles: true }))
})
// A process that has begun anew has devtools when somebody asks for their page.
setInterval(() => {
  if (document.querySelector('[data-l-state=offline]')) fetch(location.href).catch(() => undefined)
}, 1000)
`
