export { compileJsx } from './compile'
export { JsxError } from './mistakes'
export { esbuildJsx, loadJsx, viteJsx } from './plugins'
