import { test } from '@japa/runner'
import { E_LEGACY_FLOW, E_UNKNOWN_HANDLER } from '../../src/errors.ts'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import { isTransient } from '../../src/legacy/connection.ts'
import {
  HandlerRunner,
  type LegacyFlowContext,
} from '../../src/legacy/engine/runners/handler_runner.ts'
import { RunnerSelector } from '../../src/legacy/engine/runners/selector.ts'
import { SqlRunner } from '../../src/legacy/engine/runners/sql_runner.ts'
import { PlsqlRunner } from '../../src/legacy/engine/runners/plsql_runner.ts'
import type { SqlDialect, SqlSession } from '../../src/storage/sql_session.ts'
import type { FlowRow } from '../../src/legacy/tables/job_flows.ts'
import type {
  HandlerContext,
  HandlerDefinition,
  HandlerReference,
} from '../../src/types/handlers.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { flowOf, inputFor } from './runner_input.ts'
import { legacyDatabase, legacySource, ManualClock } from './support.ts'

/** Runs DWLOGIC in a transaction on a file. */
async function sqlWorld() {
  const database = await legacyDatabase()
  database.execute(
    'create table T (a varchar(40), b varchar(40), c bigint, d bigint, e varchar(40))'
  )
  const connection = database.connection()
  const run = (dwlogic: string | null, prepared = inputFor(dwlogic)) =>
    connection.transaction((session) =>
      new SqlRunner().run({ ...prepared.input, session: session.sql })
    )
  const failure = async (dwlogic: string | null, prepared = inputFor(dwlogic)) => {
    const error: unknown = await run(dwlogic, prepared).then(
      () => null,
      (thrown: unknown) => thrown
    )
    return error as Error
  }
  return { database, connection, run, failure }
}

legacyGroup('The sql runner', (kind) => {
  test('runs one statement after the other and sums the rows', async ({ assert }) => {
    const { database, run } = await sqlWorld()
    const prepared = inputFor(`
      -- three rows; one is changed, one is deleted
      insert into T (a) values ('1'), ('2'), ('3');
      update T set b = 'x;y' where a = '2';
      delete from T where a = '3';
      insert into T (a) with n (i) as (select '10') select i from n;
      select * from T;
    `)
    const counts = await run(null, prepared)
    assert.deepEqual(counts, { sourceRows: 6, targetRows: 6, errorRows: 0 })
    assert.deepEqual(database.rows('select a, b from T order by a'), [
      { a: '1', b: null },
      { a: '10', b: null },
      { a: '2', b: 'x;y' },
    ])
    assert.deepEqual(prepared.seen.logs, [
      'statement 1 of 5: 3 rows',
      'statement 2 of 5: 1 rows',
      'statement 3 of 5: 1 rows',
      'statement 4 of 5: 1 rows',
      'statement 5 of 5: 0 rows',
    ])
  })

  test('names become values, and question marks in texts stay', async ({ assert }) => {
    const { database, run } = await sqlWorld()
    const joined = kind.name === 'mysql' ? `concat(:param1, '?')` : `:param1 || '?'`
    await run(
      `insert into T values (${joined}, :PARAM3, :prcid, :sessionid, :mapref) -- why?
      `
    )
    assert.deepEqual(database.rows('select a, b, c, d, e from T'), [
      { a: '01-Mar-2026?', b: null, c: 7, d: 42, e: 'FACT_SALES' },
    ])
  })

  test('DDL counts no rows, and a trigger is one statement', async ({ assert }) => {
    const { database, run } = await sqlWorld()
    const body = `begin
        insert into U values (new.c);
        update T set b = case when new.c > 1 then 'big' end where new.c > 0;`
    const trigger = {
      sqlite: `create trigger TR after insert on T ${body} end`,
      mysql: `create trigger TR before insert on T for each row begin
        insert into U values (new.c); set new.b = case when new.c > 1 then 'big' end; end`,
      postgres: `create function FN() returns trigger language plpgsql as $x$ ${body}
          return null; end $x$;
        create trigger TR after insert on T for each row execute function FN()`,
    }[kind.name]
    const drop = kind.name === 'postgres' ? 'drop trigger TR on T' : 'drop trigger TR'
    const counts = await run(`
      create table U as select 1 as a union select 2;
      ${trigger};
      insert into T (a, c) values ('x', 5);
      ${drop};
    `)
    assert.equal(counts.targetRows, 1)
    assert.deepEqual(database.rows('select b from T'), [{ b: 'big' }])
    assert.lengthOf(database.rows('select * from U'), 3)
  })

  test('a failing statement undoes all, and is named with what the database said', async ({
    assert,
  }) => {
    const { database, failure } = await sqlWorld()
    const error = await failure(
      `insert into T (a) values ('1');\ninsert   into NOWHERE (some_column, another_column) values (1, 2); select 1`
    )
    assert.instanceOf(error, E_LEGACY_FLOW)
    const where =
      'Flow of MAPREF "FACT_SALES": statement 2 of 3 (insert into NOWHERE (some_column, another_column) values (1,…): '
    const said = /no such table: NOWHERE|relation "nowhere" does not exist|NOWHERE' doesn't exist/
    assert.isTrue(error.message.startsWith(where))
    assert.match(error.message.slice(where.length), said)
    assert.match((error.cause as Error).message, said)
    assert.isFalse(isTransient(error))
    assert.lengthOf(database.rows('select * from T'), 0)
  })

  test('a long statement is shown up to a whole character', async ({ assert }) => {
    const { failure } = await sqlWorld()
    // The emoji is the 60th character, and two units long
    const start = 'rollback '.padEnd(59, 'x')
    const error = await failure(`delete from T; ${start}😀 and more`)
    assert.include(error.message, `(${start}😀…)`)
    assert.isTrue(error.message.isWellFormed())
  })

  test('what the text has wrong is named with its statement: {0}')
    .with<[string | null, RegExp][]>([
      [null, /DWLOGIC is empty/],
      [' -- nothing\n;', /DWLOGIC is empty/],
      ['commit;', /DWLOGIC is empty/],
      [`select 'open`, /DWLOGIC: a quoted text that begins in line 1 does not end/],
      ['select 1; select :nope', /statement 2 of 2 \(select :nope\): :nope is no bind/],
      ['select 1 where ? = 2', /a bare "\?" is no bind/],
      ['begin; delete from T; commit', /statement 1 \(begin\) would begin or end a transaction/],
      ['delete from T; COMMIT; delete from T', /statement 2 \(COMMIT\) would begin or end/],
      ['delete from T; rollback', /statement 2 \(rollback\)/],
      ['savepoint x; delete from T', /statement 1 \(savepoint x\)/],
      ['delete from T; set @@`autocommit` = 1', /statement 2 \(set @@`autocommit` = 1\)/],
    ])
    .run(async ({ assert }, [dwlogic, message]) => {
      const { failure } = await sqlWorld()
      const error = await failure(dwlogic)
      assert.instanceOf(error, E_LEGACY_FLOW)
      assert.match(error.message, message)
    })

  test('a COMMIT at the very end says what happens anyway', async ({ assert }) => {
    const { database, run } = await sqlWorld()
    const counts = await run('insert into T (c) values (1);\nCOMMIT;')
    assert.equal(counts.targetRows, 1)
    assert.lengthOf(database.rows('select * from T'), 1)
  })

  test('an abort ends it between two statements, with its reason', async ({ assert }) => {
    const { database, failure } = await sqlWorld()
    const before = inputFor('insert into T (c) values (1)')
    before.controller.abort('cancelled')
    assert.equal(await failure(null, before), 'cancelled' as never)

    const between = inputFor('insert into T (c) values (1); insert into T (c) values (2)')
    between.input.logger = {
      ...between.input.logger,
      info: () => between.controller.abort('timeout'),
    }
    assert.equal(await failure(null, between), 'timeout' as never)
    assert.lengthOf(database.rows('select * from T'), 0)
  })

  test('it needs a session', async ({ assert }) => {
    const { input } = inputFor('select 1')
    await assert.rejects(() => new SqlRunner().run(input), /given no session/)
    assert.isTrue(new SqlRunner().atomic)
  })

  test('a database that goes away in the middle is told from a bad flow', async ({ assert }) => {
    const { input } = inputFor('select 1')
    const lost = Object.assign(new Error('gone'), { code: 'ECONNRESET' })
    const session = {
      dialect: 'sqlite' as const,
      query: async () => Promise.reject(lost),
      transaction: async () => Promise.reject(lost),
      readOnly: async () => Promise.reject(lost),
      cancel: async () => {},
      now: async () => 0,
    }
    const error: unknown = await new SqlRunner()
      .run({ ...input, session })
      .catch((thrown: unknown) => thrown)
    assert.instanceOf(error, E_LEGACY_FLOW)
    assert.isTrue(isTransient(error))
  })

  test('a fault of ours is no fault of the flow', async ({ assert }) => {
    const { connection } = await sqlWorld()
    const { input } = inputFor('select :param1')
    const broken = new Proxy(input.params, {
      ownKeys() {
        throw new TypeError('broken')
      },
    })
    await assert.rejects(
      () =>
        connection.transaction((session) =>
          new SqlRunner().run({ ...input, params: broken, session: session.sql })
        ),
      'broken'
    )
  })
})

test.group('The plsql runner', () => {
  /** Oracle, as far as the runner sees it. */
  function oracle(fails?: Error) {
    const calls: { sql: string; bindings: unknown[] }[] = []
    const session: SqlSession = {
      dialect: 'oracle',
      query: async (sql, bindings = []) => {
        calls.push({ sql, bindings })
        if (fails) {
          throw fails
        }
        return { rows: [], affected: 0 }
      },
      transaction: (work) => work(session),
      readOnly: () => Promise.reject(new Error('nothing is read here')),
      cancel: async () => {},
      now: async () => 0,
    }
    return { session, calls }
  }

  test('runs the block as one statement with the binds of the run', async ({ assert }) => {
    const { session, calls } = oracle()
    const block = `begin\n  x := ':param1; not a bind'; load(:param1, :PRCID); -- :nope\nend;`
    const { input } = inputFor(`${block}\n/\n`, { session })
    assert.isNull(await new PlsqlRunner().run(input))
    const sql = block.replace('(:param1, :PRCID)', '(?, ?)')
    assert.deepEqual(calls, [{ sql, bindings: ['01-Mar-2026', 7] }])
  })

  test('says what the database said, and what no bind is', async ({ assert }) => {
    const { session } = oracle(new Error('ORA-06550: line 1'))
    const failed = await new PlsqlRunner()
      .run(inputFor('begin null; end;', { session }).input)
      .catch((error: unknown) => error)
    assert.instanceOf(failed, E_LEGACY_FLOW)
    assert.match((failed as Error).message, /PL\/SQL: ORA-06550: line 1/)
    await assert.rejects(
      () => new PlsqlRunner().run(inputFor('begin x(:nope); end;', { session }).input),
      /PL\/SQL: :nope is no bind/
    )
  })

  test('an abort has its own reason', async ({ assert }) => {
    const { session } = oracle(new Error('ORA-01013: user requested cancel'))
    const { input, controller } = inputFor('begin null; end;', { session })
    controller.abort('cancelled')
    const thrown: unknown = await new PlsqlRunner().run(input).catch((error: unknown) => error)
    assert.equal(thrown, 'cancelled')
  })

  test('a database that is not Oracle is named', async ({ assert }) => {
    const { input } = inputFor('begin null; end;')
    await assert.rejects(() => new PlsqlRunner().run(input), /runs on Oracle alone; none was given/)
    const session = { ...oracle().session, dialect: 'mysql' as const }
    await assert.rejects(
      () => new PlsqlRunner().run({ ...input, session }),
      /runs on Oracle alone; this one is on mysql/
    )
  })
})

function definitionOf(run: (context: HandlerContext) => unknown, idempotent = false) {
  return {
    name: 'export',
    idempotent,
    run: async (context: HandlerContext) => run(context),
  } as unknown as HandlerDefinition
}

test.group('The handler runner', () => {
  test('the handler gets its own payload and the context of the execution', async ({ assert }) => {
    const { input, seen } = inputFor(null)
    let given: HandlerContext | undefined
    const runner = new HandlerRunner(
      definitionOf(async (context) => {
        given = context
        context.progress(50)
        context.extend('5m')
        context.logger.info('working')
        await context.saveCheckpoint({ at: 1 })
      })
    )
    assert.isNull(await runner.run(input))
    assert.isFalse(runner.atomic)
    assert.deepEqual(given!.payload, {
      mapref: 'FACT_SALES',
      prcid: 7,
      sessionid: 42,
      params: input.params,
    })
    assert.deepInclude(given, { attempt: 2, slot: 5, fencingToken: 9 })
    const { stored } = (given as unknown as LegacyFlowContext).checkpoint
    assert.deepEqual(stored, { prcid: 7 })
    assert.equal(given!.signal, input.signal)
    assert.equal(given!.execution.id, 'e1')
    assert.deepEqual(seen, {
      logs: ['working'],
      progress: [50],
      saved: [{ at: 1 }],
      extended: ['5m'],
    })
  })

  test('what it returns are the counts, when it names one')
    .with<{ result: unknown; counts: unknown }[]>([
      {
        result: { sourceRows: 10, targetRows: 9, errorRows: 1, more: true },
        counts: { sourceRows: 10, targetRows: 9, errorRows: 1 },
      },
      {
        result: { source_rows: 3, target_rows: 2.4, error_rows: -1 },
        counts: { sourceRows: 3, targetRows: 2, errorRows: 0 },
      },
      { result: { targetRows: 5 }, counts: { sourceRows: 0, targetRows: 5, errorRows: 0 } },
      {
        result: { targetRows: Number.NaN },
        counts: { sourceRows: 0, targetRows: 0, errorRows: 0 },
      },
      { result: { targetRows: '5' }, counts: null },
      { result: { file: 'a.csv' }, counts: null },
      { result: 'done', counts: null },
      { result: null, counts: null },
      { result: undefined, counts: null },
    ])
    .run(async ({ assert }, { result, counts }) => {
      const { input } = inputFor(null)
      assert.deepEqual(await new HandlerRunner(definitionOf(() => result)).run(input), counts)
    })

  test('what it throws is thrown', async ({ assert }) => {
    const { input } = inputFor(null)
    const runner = new HandlerRunner(
      definitionOf(() => {
        throw new Error('disk full')
      })
    )
    await assert.rejects(() => runner.run(input), 'disk full')
  })
})

test.group('The choice of a runner', () => {
  class Aggregate {
    async handle() {}
  }

  function selectorFor(
    source: Partial<LegacySourceInput> = {},
    known: Record<string, HandlerDefinition> = {},
    dialect: SqlDialect = 'sqlite'
  ) {
    return new RunnerSelector({
      source: legacySource({ runners: { sql: true }, ...source }),
      dialect,
      clock: new ManualClock(),
      env: {},
      handlers: {
        nameOf: (reference: HandlerReference) =>
          typeof reference === 'string' ? reference : 'aggregate',
        get(name) {
          if (!known[name]) {
            throw new E_UNKNOWN_HANDLER([name])
          }
          return known[name]
        },
      },
    })
  }

  const refusal = (selector: RunnerSelector, flow: FlowRow): string => {
    try {
      selector.select(flow)
    } catch (error) {
      if (error instanceof E_LEGACY_FLOW) {
        return error.message
      }
      throw error
    }
    return 'selected'
  }

  test('plain SQL goes to the sql runner', ({ assert }) => {
    const { runner, idempotent } = selectorFor().select(flowOf('insert into T select 1'))
    assert.instanceOf(runner, SqlRunner)
    assert.isFalse(idempotent)
    const declared = selectorFor({ idempotent: ['FACT_*'] }).select(flowOf('select 1'))
    assert.isTrue(declared.idempotent)
  })

  test('a handler bound to the MAPREF comes first, the first match', ({ assert }) => {
    const selector = selectorFor(
      {
        handlers: [
          { mapref: 'FACT_*', handler: 'export' },
          { mapref: 'FACT_SALES', handler: 'other' },
          { mapref: 'AGG', handler: Aggregate },
        ],
        idempotent: ['AGG'],
      },
      {
        export: definitionOf(() => {}, true),
        aggregate: definitionOf(() => {}),
      }
    )
    const bound = selector.select(flowOf('BEGIN anything; END;'))
    assert.equal(bound.runner.name, 'handler')
    assert.isTrue(bound.idempotent, 'the handler says so')
    assert.isTrue(selector.select(flowOf(null, 'AGG')).idempotent, 'config says so')
    assert.instanceOf(selector.select(flowOf('select 1', 'DIM')).runner, SqlRunner)
  })

  test('a bound handler that nobody registered is named', ({ assert }) => {
    const selector = selectorFor({ handlers: [{ mapref: 'FACT_*', handler: 'exprt' }] })
    assert.match(
      refusal(selector, flowOf('select 1')),
      /MAPREF "FACT_SALES": legacy\.sources\.dw\.handlers \("FACT_\*"\) binds it to the handler "exprt", which this node does not know/
    )
  })

  test('a runner that config does not allow is named with its key', ({ assert }) => {
    const selector = selectorFor({ runners: { sql: false } })
    assert.match(
      refusal(selector, flowOf('select 1')),
      /MAPREF "FACT_SALES": its DWLOGIC \(JOBFLWID 3\) needs the runner "sql", which legacy\.sources\.dw\.runners\.sql does not allow/
    )
  })

  test('a runner that is not allowed is named with what to do: {0}')
    .with<[string, string][]>([
      ['plsql', 'DECLARE x number; BEGIN null; END;'],
      ['python', 'def execute_job(connection, session_params):\n  return {}'],
    ])
    .run(({ assert }, [kind, logic]) => {
      const message = refusal(selectorFor(), flowOf(logic))
      assert.include(message, `needs the runner "${kind}"`)
      assert.include(message, 'legacy.sources.dw.handlers')
    })

  test('PL/SQL is refused where the database is not Oracle', ({ assert }) => {
    const selector = selectorFor({ runners: { plsql: true } })
    assert.match(
      refusal(selector, flowOf('-- load\nBEGIN load_sales; END;')),
      /its DWLOGIC \(JOBFLWID 3\) is a PL\/SQL block, which Oracle alone runs; this source is on sqlite: bind a handler/
    )
    const { runner } = selectorFor({ runners: { plsql: true } }, {}, 'oracle').select(
      flowOf('/* load */ declare x number; begin load_sales(:param1); end;')
    )
    assert.equal(runner.name, 'plsql')
    assert.isFalse(runner.atomic)
  })

  test('Python goes to its runner, with the timeout of config', ({ assert }) => {
    const python = { connections: 'warehouse', timeout: '5m' as const }
    const selector = selectorFor({ runners: { python } })
    const { runner } = selector.select(flowOf('def execute_job(a, b):\n  return {}'))
    assert.deepInclude(runner, { name: 'python', atomic: false, timeout: 300_000 })
  })

  test('config names the runner of what shows none, and what it shows is not looked at', ({
    assert,
  }) => {
    const selector = selectorFor({
      flows: [
        { mapref: 'FACT_*', checkpoint: { column: 'ID' } },
        { mapref: 'FACT_SALES', runner: 'sql' },
        { mapref: '*', runner: 'python' },
      ],
    })
    assert.instanceOf(selector.select(flowOf('PRAGMA_LIKE something')).runner, SqlRunner)
    assert.match(refusal(selector, flowOf('select 1', 'DIM')), /needs the runner "python"/)
    assert.match(refusal(selector, flowOf(`select 'open`)), /a quoted text .* does not end/)
  })

  test('doubtful logic is refused, not guessed at', ({ assert }) => {
    assert.match(
      refusal(selectorFor(), flowOf('please load the data')),
      /no runner for its DWLOGIC \(JOBFLWID 3\): it begins with "please".*; correct it, name its runner in legacy\.sources\.dw\.flows, or bind a handler/
    )
    assert.match(refusal(selectorFor(), flowOf(null)), /it is empty/)
  })
})
