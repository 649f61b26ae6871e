/** `loom-live/testing`: pages of an application in its tests, without a browser and without a port. */

export { openPage } from './page'
