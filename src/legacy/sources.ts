import { E_LEGACY_SOURCE } from '../errors.ts'
import type { LegacyAdapter } from './adapter.ts'
import type { Pkgdwprc } from './facade/pkgdwprc.ts'

/**
 * The legacy sources of config/almanac.ts: the `almanac.legacy` binding.
 */
export class LegacySources {
  readonly #adapters = new Map<string, LegacyAdapter>()

  /** Called by the provider for each source of the config. */
  add(name: string, adapter: LegacyAdapter): void {
    this.#adapters.set(name, adapter)
  }

  get names(): string[] {
    return [...this.#adapters.keys()]
  }

  /**
   * One source; the name may be left out where there is only one.
   *
   * @throws E_LEGACY_SOURCE
   */
  source(name?: string): LegacyAdapter {
    const only = name === undefined && this.#adapters.size === 1 ? this.names[0] : name
    const adapter = only === undefined ? undefined : this.#adapters.get(only)
    if (!adapter) {
      const wanted = name === undefined ? '(none was named)' : `"${name}"`
      throw new E_LEGACY_SOURCE([wanted, this.names.join(', ') || 'none'])
    }
    return adapter
  }

  /**
   * The old package of one source.
   *
   * @throws E_LEGACY_SOURCE
   */
  pkgdwprc(name?: string): Pkgdwprc {
    return this.source(name).pkgdwprc
  }
}
