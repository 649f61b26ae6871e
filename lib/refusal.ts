import { checkUrl } from './check'
import { LoomError } from './errors'

export class Refusal extends LoomError {
  readonly reload: boolean
  readonly redirect: string | undefined

  constructor(message: string, { reload = false, redirect }: { reload?: boolean; redirect?: string } = {}) {
    super('LOOM_REFUSED', message)
    this.name = 'Refusal'
    this.reload = reload
    if (redirect !== undefined) checkUrl(redirect, 'the redirect of a Refusal')
    this.redirect = redirect
  }
}
