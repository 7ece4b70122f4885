import { hash } from 'node:crypto'
import { LruCache } from '../../lru_cache.ts'
import type { SqlDialect } from '../../storage/sql_session.ts'
import { tokenize, type Token } from './tokenizer.ts'

/** One statement, without its semicolon and without the space around it. */
export interface Statement {
  readonly sql: string
  readonly tokens: readonly Token[]
  /** The keywords and names it begins with, upper case. */
  readonly words: readonly string[]
  /** It creates something with statements inside, such as a trigger. */
  readonly hasBody: boolean
}

const CREATES_BODY =
  /^CREATE (?:(?:OR|REPLACE|TEMP|TEMPORARY|CONSTRAINT|AGGREGATE|EDITIONABLE|NONEDITIONABLE) )*(?:DEFINER (?:\w+ )*)?(?:TRIGGER|PROCEDURE|FUNCTION|EVENT|PACKAGE)$/
/** In `end if` and the like, `end` closes what did not open with `begin`. */
const LOOPS = ['IF', 'LOOP', 'WHILE', 'REPEAT']
/** Statements that end the transaction they are in. */
const COMMITS: Partial<Record<SqlDialect, RegExp>> = {
  // A procedure may hold any of the others
  mysql:
    /^(?:ALTER|ANALYZE|CALL|CHECK|FLUSH|GRANT|INSTALL|LOCK|OPTIMIZE|RENAME|REPAIR|RESET|REVOKE|SET PASSWORD|TRUNCATE|UNINSTALL|UNLOCK|(?:CREATE|DROP)(?! TEMPORARY| OR REPLACE TEMPORARY))\b/,
}
/** They begin or end the transaction that they are in. */
const TRANSACTION_VERBS = ['BEGIN', 'START', 'COMMIT', 'ROLLBACK', 'END', 'ABORT', 'SAVEPOINT']
/** How many words of a statement are looked at. */
const HEAD = 8
/** Texts whose statements are kept, characters; these take about thirty times as much memory. */
const KEPT = 1_000_000
/** By what a text is: one that was changed is another one. */
const known = new LruCache<Statement[]>(KEPT)

/**
 * Cuts SQL at its semicolons, but not at those inside quotes, comments, and
 * the body of a trigger. Empty statements are left out. A text is looked at
 * once: the same flow runs again and again.
 *
 * @throws SyntaxError when a quote or a comment does not end
 */
export function splitStatements(sql: string, dialect: SqlDialect): Statement[] {
  const key = `${dialect}:${hash('sha256', sql, 'hex')}`
  return [...known.get(key, () => split(sql, dialect), sql.length)]
}

function split(sql: string, dialect: SqlDialect): Statement[] {
  const splitter = new Splitter()
  const tokens = tokenize(sql, dialect)
  tokens.forEach((token, index) => splitter.add(token, tokens, index))
  return splitter.finish()
}

/** Whether it begins or ends a transaction by its own word. */
export function controlsTransaction({ words: [verb, next], tokens }: Statement): boolean {
  const switches = verb === 'SET' && tokens.some(({ text }) => /^`?autocommit`?$/i.test(text))
  const prepares = verb === 'PREPARE' && next === 'TRANSACTION'
  return switches || prepares || TRANSACTION_VERBS.includes(verb)
}

/** Whether the database commits when it runs this, whatever transaction it is in. */
export function commitsByItself({ words }: Statement, dialect: SqlDialect): boolean {
  return COMMITS[dialect]?.test(words.join(' ')) ?? false
}

class Splitter {
  readonly #statements: Statement[] = []
  #tokens: Token[] = []
  #words: string[] = []
  #depth = 0
  #hasBody = false
  #previous = ''
  /** The CASE of `end case` opens nothing. */
  #skipsCase = false

  add(token: Token, all: Token[], index: number): void {
    if (token.kind === 'semicolon' && this.#depth === 0) {
      this.#close()
      return
    }
    this.#tokens.push(token)
    if (token.kind === 'word') {
      this.#addWord(token.text.toUpperCase(), nextWord(all, index))
    }
    if (token.kind !== 'space' && token.kind !== 'comment') {
      this.#previous = token.text
    }
  }

  finish(): Statement[] {
    this.#close()
    return this.#statements
  }

  #addWord(word: string, next: string): void {
    if (this.#words.length < HEAD) {
      this.#words.push(word)
      this.#hasBody ||= CREATES_BODY.test(this.#words.join(' '))
    }
    // After a dot it is the name of a column
    if (this.#previous === '.') {
      return
    }
    if (this.#hasBody) {
      this.#depth = Math.max(0, this.#depth + this.#step(word, next))
    }
  }

  #step(word: string, next: string): number {
    if (word === 'CASE' && this.#skipsCase) {
      this.#skipsCase = false
      return 0
    }
    if (word === 'BEGIN' || word === 'CASE') {
      return 1
    }
    if (word !== 'END' || LOOPS.includes(next)) {
      return 0
    }
    this.#skipsCase = next === 'CASE'
    return -1
  }

  #close(): void {
    const sql = this.#tokens
      .map(({ text }) => text)
      .join('')
      .trim()
    if (this.#tokens.some(({ kind }) => kind !== 'space' && kind !== 'comment')) {
      this.#statements.push({
        sql,
        tokens: this.#tokens,
        words: this.#words,
        hasBody: this.#hasBody,
      })
    }
    this.#tokens = []
    this.#words = []
    this.#depth = 0
    this.#hasBody = false
    this.#previous = ''
  }
}

function nextWord(tokens: Token[], index: number): string {
  const next = tokens
    .slice(index + 1, index + 6)
    .find(({ kind }) => kind !== 'space' && kind !== 'comment')
  return next?.kind === 'word' ? next.text.toUpperCase() : ''
}
