import { test } from '@japa/runner'
import { requires, type Service } from '../../helpers/services.ts'
import type { DatabaseKind } from './databases.ts'

export interface Kind {
  kind: DatabaseKind
  title: string
  /** What has to be there. */
  needs: Service[]
}

/** The databases on the machine's servers. */
export const KINDS: Kind[] = [
  { kind: 'sqlite', title: 'SQLite', needs: [] },
  { kind: 'postgresql', title: 'PostgreSQL', needs: [await requires('postgresql')] },
  { kind: 'mariadb', title: 'MariaDB', needs: [await requires('mariadb')] },
]

/** A group of tests that runs once on each kind of database. */
export function eachKind(title: string, kinds: Kind[], define: (kind: DatabaseKind) => void): void {
  for (const { kind, title: name, needs } of kinds) {
    test.group(`${title} | on ${name}`, (group) => {
      const missing = needs.find(({ available }) => !available)
      group.tap((each) => each.skip(missing !== undefined, missing?.reason))
      define(kind)
    })
  }
}
