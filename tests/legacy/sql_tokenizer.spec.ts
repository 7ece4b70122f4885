import { test } from '@japa/runner'
import type { SqlDialect } from '../../src/storage/sql_session.ts'
import { tokenize } from '../../src/legacy/sql/tokenizer.ts'

/** The tokens that are not space, as `kind text`. */
function kinds(sql: string, dialect: SqlDialect = 'sqlite'): string[] {
  const tokens = tokenize(sql, dialect)
  if (tokens.map(({ text }) => text).join('') !== sql) {
    throw new Error('tokens lost a part of the text')
  }
  return tokens.filter(({ kind }) => kind !== 'space').map(({ kind, text }) => `${kind} ${text}`)
}

test.group('SQL tokens', () => {
  test('words, binds, semicolons and the rest', ({ assert }) => {
    assert.deepEqual(kinds('select a.b, :param1 from T$1 where x = 1.5e3 ;'), [
      'word select',
      'word a',
      'other .',
      'word b',
      'other ,',
      'bind :param1',
      'word from',
      'word T$1',
      'word where',
      'word x',
      'other =',
      'other 1.5e3',
      'semicolon ;',
    ])
    assert.deepEqual(kinds('größe = ?'), ['word größe', 'other =', 'placeholder ?'])
    assert.deepEqual(kinds(''), [])
  })

  test('casts, assignments and slices are no binds', ({ assert }) => {
    assert.deepEqual(kinds('a::text', 'postgres'), ['word a', 'other ::', 'word text'])
    assert.deepEqual(kinds(':mapref::text', 'postgres'), ['bind :mapref', 'other ::', 'word text'])
    assert.deepEqual(kinds('5--:x', 'mysql'), ['other 5', 'other -', 'other -', 'bind :x'])
    assert.deepEqual(kinds('@a:=1', 'mysql'), ['other @', 'word a', 'other :=', 'other 1'])
    assert.deepEqual(kinds('a[1:2]', 'postgres'), [
      'word a',
      'other [',
      'other 1',
      'other :',
      'other 2',
      'other ]',
    ])
  })

  test('quotes hide what is in them: {0}')
    .with<[string, SqlDialect, string][]>([
      [`'a;''b :x'`, 'sqlite', 'text'],
      [`"a;""b"`, 'sqlite', 'name'],
      ['`a;``b`', 'sqlite', 'name'],
      ['[a;b]', 'sqlite', 'name'],
      [`"a;\\"b"`, 'mysql', 'text'],
      [`'a;\\'b'`, 'mysql', 'text'],
      ['$$ a; $ b $$', 'postgres', 'text'],
      ['$body$ a; $$ b $body$', 'postgres', 'text'],
      [`q'[a;'b]'`, 'oracle', 'text'],
      [`nQ'{a;'}'`, 'oracle', 'text'],
      [`q'!a;'!'`, 'oracle', 'text'],
      ['-- a; :x', 'sqlite', 'comment'],
      ['/* a; /* :x */', 'sqlite', 'comment'],
      ['/* a; /* b */ :x */', 'postgres', 'comment'],
      ['# a; :x', 'mysql', 'comment'],
      ['-- a; :x', 'mysql', 'comment'],
    ])
    .run(({ assert }, [sql, dialect, kind]) => {
      assert.deepEqual(kinds(sql, dialect), [`${kind} ${sql}`])
      assert.deepEqual(kinds(`x ${sql}\n;`, dialect), ['word x', `${kind} ${sql}`, 'semicolon ;'])
    })

  test('what looks like a quote and is none', ({ assert }) => {
    assert.deepEqual(kinds('v$session$x', 'oracle'), ['word v$session$x'])
    assert.deepEqual(kinds('1$$2', 'oracle'), ['other 1', 'other $', 'other $', 'other 2'])
    for (const dialect of ['mysql', 'oracle', 'sqlite'] as const) {
      assert.deepEqual(kinds('$$a;$$', dialect).slice(0, 4), [
        'other $',
        'other $',
        'word a',
        'semicolon ;',
      ])
    }
    assert.deepEqual(kinds('` a `', 'postgres'), ['other `', 'word a', 'other `'])
    assert.deepEqual(kinds('$$ open', 'oracle'), ['other $', 'other $', 'word open'])
    assert.deepEqual(kinds(`seq'x'`, 'oracle'), ['word seq', `text 'x'`])
    assert.deepEqual(kinds(`'a\\'`, 'postgres'), [`text 'a\\'`])
    assert.deepEqual(kinds(`E'a\\'b'`, 'postgres'), ['word E', `text 'a\\'b'`])
    assert.deepEqual(kinds(`time'a\\'`, 'postgres'), ['word time', `text 'a\\'`])
    assert.deepEqual(kinds('a # b', 'postgres'), ['word a', 'other #', 'word b'])
    assert.deepEqual(kinds('a - b / c'), ['word a', 'other -', 'word b', 'other /', 'word c'])
  })

  test('what does not end names its line: {0}')
    .with<[string, SqlDialect, RegExp][]>([
      [`select\n'a`, 'sqlite', /a quoted text that begins in line 2/],
      ['"a', 'sqlite', /quoted text .* line 1/],
      ['[a', 'sqlite', /quoted text/],
      [`q'[a'`, 'oracle', /quoted text/],
      ['/* a', 'sqlite', /a comment that begins in line 1/],
      ['/* /* a */', 'postgres', /a comment/],
    ])
    .run(({ assert }, [sql, dialect, message]) => {
      assert.throws(() => tokenize(sql, dialect), message)
    })
})
