/**
 * A test environment that runs nothing: it writes down each test that would be run, as a line of JSON in the file that
 * LOOM_LISTING names. Skipped tests, those beside a focused one and those still to be written are not among them.
 */

const { appendFileSync } = require('node:fs')
const { TestEnvironment } = require('jest-environment-node')

class Listing extends TestEnvironment {
  constructor(config, context) {
    super(config, context)
    this.file = context.testPath
  }

  handleTestEvent(event, state) {
    if (event.name !== 'run_start') return
    const list = (block, titles) => {
      for (const child of block.children) {
        if (child.type === 'describeBlock') {
          list(child, [...titles, child.name])
          continue
        }
        const runs = state.hasFocusedTests ? child.mode === 'only' : child.mode === undefined
        if (runs) appendFileSync(process.env.LOOM_LISTING, `${JSON.stringify([this.file, [...titles, child.name]])}\n`)
        child.mode = 'skip'
      }
    }
    list(state.rootDescribeBlock, [])
  }
}

module.exports = Listing
