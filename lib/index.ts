export { LoomError, StartError } from './errors'
export { html, raw } from './html'
export { LiveSocket } from './live_socket'
export { createLoom } from './loom'
