import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

/**
 * What a script was told on its command line. `--help` prints the usage and
 * ends the process; what cannot be read ends it with 2, so that a typing error
 * is no measurement.
 */
export class CommandLine {
  readonly #usage: string
  readonly #values: Record<string, unknown>
  readonly words: string[]

  /** @param options as parseArgs takes them */
  constructor(usage: string, options: ParseArgsOptionsConfig) {
    this.#usage = usage
    const { values, positionals } = this.#parsed(options)
    this.#values = values
    this.words = positionals
    if (values.help === true) {
      console.log(usage)
      process.exit(0)
    }
  }

  text(name: string): string {
    return String(this.#values[name])
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined
  }

  /** A number above 0. */
  number(name: string, rule: { whole?: boolean } = {}): number {
    return this.numberOf(`--${name}`, this.text(name), rule)
  }

  numberOf(what: string, text: string, { whole = false } = {}): number {
    const value = Number(text)
    const fits = value > 0 && (whole ? Number.isSafeInteger(value) : Number.isFinite(value))
    return fits ? value : this.refuse(what, text, `give a ${whole ? 'whole ' : ''}number above 0`)
  }

  refuse(what: string, value: string, remedy: string): never {
    return this.#end(`${what} is "${value}"; ${remedy}`)
  }

  #parsed(options: ParseArgsOptionsConfig) {
    try {
      const all = { ...options, help: { type: 'boolean' as const } }
      return parseArgs({ allowPositionals: true, options: all })
    } catch (error) {
      return this.#end((error as Error).message)
    }
  }

  #end(problem: string): never {
    console.error(`${problem}\n\n${this.#usage}`)
    process.exit(2)
  }
}
