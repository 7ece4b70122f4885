import type { Database } from 'better-sqlite3'

const CITIES = ['Hamburg', 'Bremen', 'Leipzig', 'Köln', 'Dresden', 'Kiel', 'Mainz', 'Ulm']
const FIRST_NAMES = [
  'Anna',
  'Ben',
  'Clara',
  'David',
  'Elif',
  'Finn',
  'Greta',
  'Hannes',
  'Ida',
  'Jonas',
]
const LAST_NAMES = ['Albrecht', 'Brandt', 'Çelik', 'Dietrich', 'Ernst', 'Fuchs', 'Günther', 'Hahn']
const SEGMENTS = ['private', 'trade', 'online']
const CATEGORIES = ['Garden', 'Kitchen', 'Light', 'Paint', 'Tools']
const THINGS = ['set', 'kit', 'box', 'pack', 'roll']

export const AMOUNTS = { customers: 1200, products: 300, stores: 24, sales: 6000, returns: 400 }

/** First day of sale; the generated sales cover 60 days. */
const FIRST_DAY = Date.UTC(2026, 0, 1)
const DAYS = 60

/**
 * A small linear congruential generator: the same seed gives the same
 * warehouse on every machine, so that a check can know what to expect.
 */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Fills the staging tables. */
export function generate(database: Database, seed = 20_260_101): void {
  const next = random(seed)
  const pick = <T>(values: T[]) => values[next(values.length)]
  const day = () => new Date(FIRST_DAY + next(DAYS) * 86_400_000).toISOString().slice(0, 10)

  const fill = (table: string, amount: number, row: (number: number) => (string | number)[]) => {
    const width = row.length === 0 ? 0 : row(1).length
    const statement = database.prepare(
      `insert into ${table} values (${Array(width).fill('?').join(', ')})`
    )
    for (let number = 1; number <= amount; number++) {
      statement.run(row(number))
    }
  }

  database.transaction(() => {
    fill('stg_customers', AMOUNTS.customers, (number) => [
      number,
      `${pick(FIRST_NAMES)} ${pick(LAST_NAMES)}`,
      pick(CITIES),
      pick(SEGMENTS),
    ])
    fill('stg_products', AMOUNTS.products, (number) => {
      const category = pick(CATEGORIES)
      return [number, `${category} ${pick(THINGS)} ${number}`, category, 199 + next(20_000)]
    })
    fill('stg_stores', AMOUNTS.stores, (number) => [
      number,
      pick(CITIES),
      `20${10 + next(15)}-05-02`,
    ])
    fill('stg_sales', AMOUNTS.sales, (number) => {
      const quantity = 1 + next(5)
      return [
        number,
        day(),
        1 + next(AMOUNTS.customers),
        1 + next(AMOUNTS.products),
        1 + next(AMOUNTS.stores),
        quantity,
        quantity * (199 + next(20_000)),
      ]
    })
    fill('stg_returns', AMOUNTS.returns, (number) => [number, number * 15, day(), 1])
  })()
}
