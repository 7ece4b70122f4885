import { format } from 'node:util'
import { Exception } from '@poppinss/utils/exception'

/**
 * Makes an error class whose message takes positional values (`%s`), with the
 * remedy in its help text.
 */
export function defineError<Values extends string[]>(definition: {
  code: string
  status: number
  message: string
  help: string
}) {
  return class extends Exception {
    static override code = definition.code
    static override status = definition.status
    static override help = definition.help

    static {
      // An anonymous class would show as "" in stack traces and assertions
      Object.defineProperty(this, 'name', { value: definition.code })
    }

    constructor(values: Values, options?: ErrorOptions) {
      super(format(definition.message, ...values), options)
      this.name = definition.code
    }
  }
}
