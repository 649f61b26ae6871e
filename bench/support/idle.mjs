// Connections that join and then stay idle, over TCP or TLS. They are plain sockets of Node: their cost for this
// process does not matter.

import { get as getPlain } from 'node:http'
import { get as getTls } from 'node:https'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'

/** How many connections are opened at a time. */
const AT_ONCE = 20

/** A text frame, masked with zeros. */
function frame(text) {
  const payload = Buffer.from(text)
  const { length } = payload
  const head =
    length < 126
      ? [0x81, 0x80 | length]
      : length < 0x10000
        ? [0x81, 0xfe, length >> 8, length & 0xff]
        : [0x81, 0xff, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload])
}

async function until(socket, read, marker) {
  while (!read.text.includes(marker)) {
    await Promise.race([
      once(socket, 'data'),
      once(socket, 'close').then(() => Promise.reject(new Error(`closed after ${read.text.slice(0, 200)}`))),
    ])
  }
  read.text = ''
}

async function open({ port, tls, protocol, path = '/loom/ws' }, messages) {
  const socket = tls ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : connect(port, '127.0.0.1')
  const read = { text: '' }
  socket.on('data', (chunk) => {
    // Only the beginning is kept, which is enough to recognise an answer.
    if (read.text.length < 100_000) read.text += chunk.toString('latin1')
  })
  await once(socket, tls ? 'secureConnect' : 'connect')
  const offer = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0\r\n' +
      `Origin: ${tls ? 'https' : 'http'}://127.0.0.1:${port}\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${offer}\r\n`,
  )
  await until(socket, read, ' 101 ')
  for (const { text, answer } of messages) {
    socket.write(frame(text))
    await until(socket, read, answer)
  }
  socket.removeAllListeners('data')
  socket.resume()
  return socket
}

/** Loads pages, each over a connection of its own, so that the server is warm as one in use. */
export async function loadPages({ port, tls }, count) {
  const get = tls ? getTls : getPlain
  await repeat(count, async () => {
    const options = { port, host: '127.0.0.1', agent: false, rejectUnauthorized: false }
    const [response] = await once(get(options), 'response')
    await once(response.resume(), 'end')
  })
}

async function repeat(count, task) {
  let left = count
  const run = async () => {
    while (left > 0) {
      left -= 1
      await task()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
}

/** Opens connections one after the other, each after the messages of the one before have been answered. */
export async function openIdle(target, count, messages) {
  const sockets = []
  await repeat(count, async () => {
    sockets.push(await open(target, messages))
  })
  return sockets
}
