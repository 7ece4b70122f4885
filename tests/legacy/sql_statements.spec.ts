import { test } from '@japa/runner'
import type { SqlDialect } from '../../src/storage/sql_session.ts'
import { emptyParams } from '../../src/legacy/params.ts'
import { bind, bindValues } from '../../src/legacy/sql/binds.ts'
import { logicKind } from '../../src/legacy/sql/logic_kind.ts'
import { commitsByItself, splitStatements } from '../../src/legacy/sql/statements.ts'

const split = (sql: string, dialect: SqlDialect = 'sqlite') =>
  splitStatements(sql, dialect).map((statement) => statement.sql)

test.group('SQL statements', () => {
  test('they end at semicolons that nothing hides', ({ assert }) => {
    assert.deepEqual(split(`delete from a; insert into a values (';', "x;y") -- c;\n; select 1`), [
      'delete from a',
      `insert into a values (';', "x;y") -- c;`,
      'select 1',
    ])
    assert.deepEqual(split('do $$ begin; end $$; select 1', 'postgres'), [
      'do $$ begin; end $$',
      'select 1',
    ])
  })

  test('a text is read once, whatever its reader does with the list; a changed one is another', ({
    assert,
  }) => {
    const text = 'delete from once; commit'
    const first = splitStatements(text, 'sqlite')
    first.pop()
    const second = splitStatements(text, 'sqlite')
    assert.lengthOf(second, 2)
    assert.strictEqual(second[0], first[0])
    assert.notStrictEqual(splitStatements(text, 'postgres')[0], first[0])
    assert.deepEqual(split('delete from twice; commit'), ['delete from twice', 'commit'])
  })

  test('empty ones are left out', ({ assert }) => {
    assert.deepEqual(split(''), [])
    assert.deepEqual(split(' ;; -- nothing\n ; /* nor here */'), [])
    assert.deepEqual(split(';select 1;;'), ['select 1'])
  })

  test('a trigger keeps its body', ({ assert }) => {
    const trigger = `create temp trigger t after insert on a when new.x > case 1 when 1 then 0 end
begin
  update b set y = case when new.x > 1 then 1 else 2 end;
  insert into c select "end" from d;
  delete from e where new.end = 1;
end`
    assert.deepEqual(split(`${trigger}; select 1;`), [trigger, 'select 1'])
    assert.deepEqual(split(`select 0; ${trigger}`), ['select 0', trigger])
  })

  test('so does a procedure, with its loops', ({ assert }) => {
    const procedure = `create or replace procedure p()
begin
  declare i int default 0;
  while i < 3 do
    if i = 1 then set i = 5; end if;
    case i when 2 then set i = 3; else set i = i + 1; end case;
  end while;
end`
    assert.deepEqual(split(`${procedure}; call p()`, 'mysql'), [procedure, 'call p()'])
  })

  test('begin and end outside of a body hold nothing together', ({ assert }) => {
    assert.deepEqual(split('begin; select case when 1 then 2 end; end; select 1'), [
      'begin',
      'select case when 1 then 2 end',
      'end',
      'select 1',
    ])
    assert.deepEqual(split('create table t (event int, "begin" int); select 1'), [
      'create table t (event int, "begin" int)',
      'select 1',
    ])
    assert.deepEqual(split('create view v as select 1 as begin_; select 2'), [
      'create view v as select 1 as begin_',
      'select 2',
    ])
  })

  test('those that commit by themselves are known, on MySQL', ({ assert }) => {
    const commits = (sql: string, dialect: SqlDialect = 'mysql') =>
      commitsByItself(splitStatements(sql, dialect)[0], dialect)
    for (const sql of [
      'truncate table T',
      'create table T as select 1',
      'create or replace table T (a int)',
      'drop table T',
      'alter table T add b int',
      'call load_it()',
      'rename table T to U',
    ]) {
      assert.isTrue(commits(sql), sql)
      assert.isFalse(commits(sql, 'postgres'), sql)
    }
    for (const sql of [
      'insert into T values (1)',
      'create temporary table T (a int)',
      'create or replace temporary table T (a int)',
      'drop temporary table T',
      'delete from T',
      'set @a = 1',
    ]) {
      assert.isFalse(commits(sql), sql)
    }
  })

  test('the first words are told, in capitals', ({ assert }) => {
    const [statement] = splitStatements('-- first\n insert Into t select 1', 'sqlite')
    assert.deepEqual(statement.words.slice(0, 3), ['INSERT', 'INTO', 'T'])
    assert.isFalse(statement.hasBody)
  })
})

test.group('SQL binds', () => {
  const values = bindValues({
    params: { ...emptyParams(), param1: 'one', param10: 'ten' },
    prcid: 7,
    sessionId: 9,
    mapref: 'A',
  })
  const bound = (sql: string, dialect: SqlDialect = 'sqlite') =>
    bind(splitStatements(sql, dialect)[0], values)

  test('names become places, in their order', ({ assert }) => {
    assert.deepEqual(
      bound(
        'insert into t values (:PRCID, :param10, :param1,:mapref, :sessionid, :param2, :prcid)'
      ),
      {
        sql: 'insert into t values (?, ?, ?,?, ?, ?, ?)',
        bindings: [7, 'ten', 'one', 'A', 9, null, 7],
      }
    )
  })

  test('texts, comments and casts are left alone', ({ assert }) => {
    const sql = `select ':param1', ":param1" /* :param1 */ -- :nothing\n, x::text`
    assert.deepEqual(bound(sql, 'postgres'), { sql, bindings: [] })
    assert.deepEqual(bound('select :param1::text', 'postgres'), {
      sql: 'select ?::text',
      bindings: ['one'],
    })
  })

  test('an unknown name is refused with the known ones', ({ assert }) => {
    assert.throws(
      () => bound('select :param11'),
      ':param11 is no bind; there are :param1 .. :param10, :prcid, :sessionid, :mapref'
    )
    assert.throws(() => bound('select :toString'), /:toString is no bind/)
    assert.throws(() => bound('select ?'), /a bare "\?" is no bind/)
  })

  test("a trigger's own names stay", ({ assert }) => {
    const sql = 'create trigger t before insert on a begin select :new.x; end'
    assert.equal(bound(sql, 'oracle').sql, sql)
  })
})

test.group('Kind of logic', () => {
  test('{0}: {1}')
    .with<[string, string][]>([
      ['sql', 'insert into a select 1'],
      ['sql', '-- why\n/* how */ WITH x as (select 1) select * from x'],
      ['sql', '(select 1) union (select 2)'],
      ['sql', 'TRUNCATE TABLE x'],
      ['sql', 'begin; delete from a; commit'],
      ['sql', 'begin immediate; delete from a; commit'],
      ['sql', `select 'begin end'`],
      ['plsql', 'BEGIN pkg.run(:1); END;'],
      ['plsql', '-- note\ndeclare x number; begin null; end;\n/'],
      ['python', 'import os\n\ndef execute_job(connection, session_params):\n    return {}'],
      ['python', `"""It's here"""\nasync def execute_job(a, b): pass`],
      ['python', '# load; it\ndef execute_job(connection, params): pass'],
      ['sql', 'do $$ begin perform 1; end $$'],
      ['python', 'with open("x") as f: pass\ndef execute_job(a, b): pass'],
    ])
    .run(({ assert }, [kind, logic]) => {
      assert.equal(logicKind(logic, 'sqlite'), kind)
    })

  test('what is doubtful is refused: {0}')
    .with<[string, RegExp][]>([
      ['', /it is empty/],
      ['  -- only a comment', /it is empty/],
      ['hello world', /begins with "hello": neither SQL, nor PL\/SQL, nor Python/],
      ['{ "a": 1 }', /begins with "{"/],
      ['# a comment of which language?', /begins with "#"/],
      ['import os\nprint(1)', /looks like Python, but defines no execute_job/],
      ['def run(a): pass', /defines no execute_job/],
      ['select 1\n  def execute_job(a, b)', /begins with SELECT and defines execute_job/],
      ['begin\ndef execute_job(a, b)\nend', /begins with BEGIN and defines/],
      ['begin insert into a values (1)', /like a PL\/SQL block, but has no BEGIN and END/],
      ['declare x number', /like a PL\/SQL block/],
      [`select 'open`, /does not end/],
    ])
    .run(({ assert }, [logic, message]) => {
      assert.throws(() => logicKind(logic, 'sqlite'), message)
      try {
        logicKind(logic, 'sqlite')
      } catch (error) {
        assert.instanceOf(error, SyntaxError)
      }
    })
})
