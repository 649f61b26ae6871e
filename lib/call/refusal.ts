import { checkNames, checkUrl, invalid } from '../check'
import { LoomError } from '../errors'

export class Refusal extends LoomError {
  readonly reload: boolean
  readonly redirect: string | undefined

  constructor(message: string, options: { reload?: boolean; redirect?: string } = {}) {
    super('LOOM_REFUSED', message)
    checkNames(options, { reload: true, redirect: true }, 'the options of a Refusal', 'an option of a Refusal')
    const { reload = false, redirect } = options
    if (typeof reload !== 'boolean') throw invalid('a boolean', 'the reload of a Refusal', reload)
    this.name = 'Refusal'
    this.reload = reload
    if (redirect !== undefined) checkUrl(redirect, 'the redirect of a Refusal')
    this.redirect = redirect
  }
}
