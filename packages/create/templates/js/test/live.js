import { once } from 'node:events'
import WebSocket from 'ws'

/** Opens the page as a browser does: over HTTP, and then over the WebSocket. */
export async function openPage(url) {
  const page = await (await fetch(url)).text()
  const [, module, path, token] = /data-l-live="([^"]*)" data-l-ws="([^"]*)" data-l-token="([^"]*)"/.exec(page) ?? []
  const socket = new WebSocket(url.replace('http', 'ws') + path)
  await once(socket, 'open')

  async function ask(message) {
    const answer = once(socket, 'message')
    socket.send(JSON.stringify({ id: 'c0', ...message }))
    const [data] = await answer
    return String(data)
  }

  return {
    page,
    joined: await ask({ type: 'join', module, token }),
    /** What the server answers to a click. */
    click: (handler) => ask({ type: 'event', handler, event: 'click' }),
    close: () => socket.close(),
  }
}
