// A server that does only Node's own part of joins and connections: it parses the request, switches protocols and keeps
// the socket. With ANSWER it answers each message with that text: it is as short as the answer to a join.

import { createHash } from 'node:crypto'
import { listen, makeServer } from './listen.mjs'

const server = makeServer()
const sockets = new Set()
const { ANSWER: answer } = process.env
const frame = answer && Buffer.from([0x81, answer.length, ...Buffer.from(answer)])

server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  sockets.add(socket)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => sockets.delete(socket))
  if (frame) socket.on('data', () => socket.write(frame))
  else socket.resume()
})

listen(server)
