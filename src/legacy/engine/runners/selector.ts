import type { Clock } from '../../../clock.ts'
import { E_LEGACY_FLOW } from '../../../errors.ts'
import type { SqlDialect } from '../../../storage/sql_session.ts'
import type { HandlerDefinition, HandlerReference } from '../../../types/handlers.ts'
import type { LegacySourceConfig } from '../../config.ts'
import { firstOf } from '../../config_flows.ts'
import { logicKind, type LogicKind } from '../../sql/logic_kind.ts'
import { commitsByItself, splitStatements } from '../../sql/statements.ts'
import type { FlowRow } from '../../tables/job_flows.ts'
import { HandlerRunner } from './handler_runner.ts'
import { PlsqlRunner } from './plsql_runner.ts'
import { PythonRunner } from './python/python_runner.ts'
import type { Runner } from './runner.ts'
import { SqlRunner } from './sql_runner.ts'

export interface SelectedRunner {
  runner: Runner
  /** Declared, by config or by the handler, that running twice does no harm. */
  idempotent: boolean
}

interface Deps {
  source: Pick<LegacySourceConfig, 'name' | 'runners' | 'flows' | 'handlers' | 'isIdempotent'>
  /** Database of the legacy tables. */
  dialect: SqlDialect
  clock: Clock
  /** The environment of this process. */
  env: Record<string, string | undefined>
  handlers: {
    get(name: string): HandlerDefinition
    nameOf(reference: HandlerReference): string
  }
}

/**
 * Chooses what runs a flow: a handler that config binds to its MAPREF, else
 * the runner that config names for it, else one by the look of DWLOGIC.
 * Nothing is guessed, and nothing runs that config does not allow.
 */
export class RunnerSelector {
  readonly #deps: Deps
  readonly #sql = new SqlRunner()
  readonly #stepwise = new SqlRunner({ atomic: false })
  readonly #plsql = new PlsqlRunner()
  readonly #python: PythonRunner | null

  constructor(deps: Deps) {
    this.#deps = deps
    const { source, clock, env } = deps
    const config = source.runners.python
    this.#python = config && new PythonRunner({ config, clock, env })
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
    return { runner: this.#byLogic(flow), idempotent: declared }
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

  #byLogic(flow: FlowRow): Runner {
    const { source, dialect } = this.#deps
    try {
      const named = firstOf(source.flows, flow.mapref, 'runner')
      return this.#runnerOf(named ?? logicKind(flow.dwlogic ?? '', dialect), flow)
    } catch (error) {
      if (!(error instanceof SyntaxError)) {
        throw error
      }
      const key = `legacy.sources.${source.name}`
      const remedy = `correct it, name its runner in ${key}.flows, or bind a handler in ${key}.handlers`
      const { mapref, jobflwid } = flow
      const reason = `no runner for its DWLOGIC (JOBFLWID ${jobflwid}): ${error.message}; ${remedy}`
      throw new E_LEGACY_FLOW([mapref, reason], { cause: error })
    }
  }

  #runnerOf(kind: LogicKind, flow: FlowRow): Runner {
    const { source, dialect } = this.#deps
    if (!source.runners[kind]) {
      const key = `legacy.sources.${source.name}`
      throw this.#refusal(
        flow,
        `needs the runner "${kind}", which ${key}.runners.${kind} does not allow; allow it, or bind a handler in ${key}.handlers`
      )
    }
    switch (kind) {
      case 'sql':
        return this.#sqlRunner(flow)
      case 'python':
        return this.#python!
      case 'plsql':
        if (dialect !== 'oracle') {
          const remedy = `bind a handler to it in legacy.sources.${source.name}.handlers`
          throw this.#refusal(
            flow,
            `is a PL/SQL block, which Oracle alone runs; this source is on ${dialect}: ${remedy}`
          )
        }
        return this.#plsql
    }
  }

  #sqlRunner({ dwlogic }: FlowRow): Runner {
    const { dialect } = this.#deps
    const statements = splitStatements(dwlogic ?? '', dialect)
    return statements.some((each) => commitsByItself(each, dialect)) ? this.#stepwise : this.#sql
  }

  #refusal({ mapref, jobflwid }: FlowRow, reason: string): Error {
    return new E_LEGACY_FLOW([mapref, `its DWLOGIC (JOBFLWID ${jobflwid}) ${reason}`])
  }
}
