import { E_LEGACY_FLOW } from '../../../errors.ts'
import type { SqlDialect } from '../../../storage/sql_session.ts'
import type { HandlerDefinition, HandlerReference } from '../../../types/handlers.ts'
import type { LegacySourceConfig } from '../../config.ts'
import { logicKind, type LogicKind } from '../../sql/logic_kind.ts'
import { commitsByItself, splitStatements } from '../../sql/statements.ts'
import type { FlowRow } from '../../tables/job_flows.ts'
import { HandlerRunner } from './handler_runner.ts'
import type { Runner } from './runner.ts'
import { SqlRunner } from './sql_runner.ts'

export interface SelectedRunner {
  runner: Runner
  /** Declared, by config or by the handler, that running twice does no harm. */
  idempotent: boolean
}

interface Deps {
  source: Pick<LegacySourceConfig, 'name' | 'runners' | 'handlers' | 'isIdempotent'>
  /** Database of the legacy tables. */
  dialect: SqlDialect
  handlers: {
    get(name: string): HandlerDefinition
    nameOf(reference: HandlerReference): string
  }
}

/**
 * Chooses what runs a flow: a handler that config binds to its MAPREF, else
 * by the look of DWLOGIC. Nothing is guessed.
 */
export class RunnerSelector {
  readonly #deps: Deps
  readonly #sql = new SqlRunner()
  readonly #stepwise = new SqlRunner({ atomic: false })

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws E_LEGACY_FLOW naming the flow, the runner it needs, and the key of config that allows it */
  select(flow: FlowRow): SelectedRunner {
    const { source, handlers } = this.#deps
    const declared = source.isIdempotent(flow.mapref)
    const bound = source.handlers.find((entry) => entry.matches(flow.mapref))
    if (bound) {
      const definition = this.#definition(flow, handlers.nameOf(bound.handler), bound.pattern)
      const idempotent = declared || definition.idempotent
      return { runner: new HandlerRunner(definition), idempotent }
    }
    return { runner: this.#byLook(flow), idempotent: declared }
  }

  #definition({ mapref }: FlowRow, name: string, pattern: string): HandlerDefinition {
    const key = `legacy.sources.${this.#deps.source.name}.handlers ("${pattern}")`
    try {
      return this.#deps.handlers.get(name)
    } catch (error) {
      const reason = `${key} binds it to the handler "${name}", which this node does not know`
      throw new E_LEGACY_FLOW([mapref, reason], { cause: error })
    }
  }

  #byLook(flow: FlowRow): Runner {
    const { source } = this.#deps
    const kind = this.#kindOf(flow)
    const { mapref, jobflwid } = flow
    if (kind !== 'sql') {
      throw new E_LEGACY_FLOW([
        mapref,
        `its DWLOGIC (JOBFLWID ${jobflwid}) needs the runner "${kind}", which this version does not have; bind a handler to it in legacy.sources.${source.name}.handlers`,
      ])
    }
    if (!source.runners.sql) {
      throw new E_LEGACY_FLOW([
        mapref,
        `its DWLOGIC (JOBFLWID ${jobflwid}) needs the runner "sql", which legacy.sources.${source.name}.runners.sql does not allow`,
      ])
    }
    const statements = splitStatements(flow.dwlogic ?? '', this.#deps.dialect)
    const commits = statements.some((each) => commitsByItself(each, this.#deps.dialect))
    return commits ? this.#stepwise : this.#sql
  }

  #kindOf({ mapref, jobflwid, dwlogic }: FlowRow): LogicKind {
    try {
      return logicKind(dwlogic ?? '', this.#deps.dialect)
    } catch (error) {
      if (!(error instanceof SyntaxError)) {
        throw error
      }
      const { name } = this.#deps.source
      throw new E_LEGACY_FLOW(
        [
          mapref,
          `no runner for its DWLOGIC (JOBFLWID ${jobflwid}): ${error.message}; correct it, or bind a handler in legacy.sources.${name}.handlers`,
        ],
        { cause: error }
      )
    }
  }
}
