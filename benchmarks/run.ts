import { mkdir, writeFile } from 'node:fs/promises'
import { arch, cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { comparisons, type Comparison } from './comparisons.ts'
import { measure } from './lib/child.ts'
import { CommandLine } from './lib/command_line.ts'
import { verdict, type JobCpu, type Result } from './lib/result.ts'
import { soak } from './lib/soak_child.ts'
import { median, rotated, rounded } from './lib/statistics.ts'
import { printTable } from './lib/table.ts'

/** What a figure that is quoted takes. */
const ENOUGH = 5
/** Memory over a long time: once, whatever the repetitions. */
const SOAK = 'soak'
const USAGE = `npm run bench -- [comparison…] [--repetitions=5] [--out=tmp/bench.json] [--quick]
  comparisons: ${[...Object.keys(comparisons()), SOAK].join(', ')}
  --quick shows in minutes that everything works; its figures mean nothing`

const line = new CommandLine(USAGE, {
  repetitions: { type: 'string', default: '5' },
  out: { type: 'string', default: 'tmp/bench.json' },
  quick: { type: 'boolean', default: false },
})
const all = comparisons({ quick: line.flag('quick') })
const known = [...Object.keys(all), SOAK]
const names = line.words.length > 0 ? line.words : known
const unknown = names.find((name) => !known.includes(name))
if (unknown !== undefined) {
  line.refuse('the comparison', unknown, `give some of ${known.join(', ')}`)
}
const repetitions = line.number('repetitions', { whole: true })
const out = line.text('out')

type Answer = Record<string, number> & { cpu?: JobCpu }

/** Each repetition runs every contender once; the ratios are taken within it. */
async function compare(name: string, comparison: Comparison): Promise<Result> {
  const { script, contenders, figure, goals, unit } = comparison
  const rows: Record<string, number>[] = []
  const costs: Record<string, JobCpu[]> = {}
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const row: Record<string, number> = {}
    for (const [contender, order] of rotated(Object.entries(contenders), repetition)) {
      const { cpu, ...answer } = await measure<Answer>(script, order)
      row[contender] = figure(answer, order as Record<string, number>)
      if (cpu) {
        costs[contender] = [...(costs[contender] ?? []), cpu]
      }
      process.stderr.write(
        `${name} ${repetition + 1}/${repetitions} ${contender}: ${rounded(row[contender])} ${unit}\n`
      )
    }
    rows.push(row)
  }
  return {
    comparison: name,
    unit,
    repetitions,
    figures: Object.fromEntries(
      Object.keys(contenders).map((each) => [each, median(rows.map((row) => row[each]))])
    ),
    ratios: goals.map((goal) => ({
      ...goal,
      ratio: median(rows.map((row) => row[goal.of] / row[goal.against])),
    })),
    cpu: Object.fromEntries(Object.entries(costs).map(([each, spent]) => [each, middle(spent)])),
  }
}

function middle(spent: JobCpu[]): JobCpu {
  const server = spent.map((each) => each.server).filter((each) => each !== null)
  return {
    node: median(spent.map((each) => each.node)),
    server: server.length === 0 ? null : median(server),
  }
}

function print({ comparison, unit, figures, ratios, cpu }: Result): void {
  const costs = Object.keys(cpu).length > 0
  const shown = (value: number | null | undefined) => (value ? rounded(value) : '-')
  printTable(
    `${comparison} (${unit}, median of ${repetitions})`,
    ['', unit, ...(costs ? ['µs a job, node', 'server'] : [])],
    Object.entries(figures).map(([name, value]) => [
      name,
      rounded(value),
      ...(costs ? [shown(cpu[name]?.node), shown(cpu[name]?.server)] : []),
    ])
  )
  const goal = (value: number | null) => (value === null ? '-' : rounded(value))
  if (ratios.length > 0) {
    printTable(
      `${comparison}: ratios`,
      ['', 'ratio', 'floor', 'aim', 'reached'],
      ratios.map((ratio) => [
        `${ratio.of} / ${ratio.against}`,
        rounded(ratio.ratio),
        goal(ratio.floor),
        goal(ratio.aim),
        verdict(ratio),
      ])
    )
  }
}

async function measured(name: string): Promise<Result> {
  const result = await compare(name, all[name])
  print(result)
  return result
}

const machine = {
  node: process.version,
  arch: arch(),
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  memory: totalmem(),
}
const results: object[] = []
await mkdir(dirname(out), { recursive: true })
for (const name of names) {
  results.push(name === SOAK ? await soak(line.flag('quick') ? 0.2 : 10) : await measured(name))
  // After each: what comes later may fail, and what was measured is not lost
  await writeFile(out, `${JSON.stringify({ machine, results }, null, 2)}\n`)
}
const few = repetitions < ENOUGH ? `; fewer than ${ENOUGH} repetitions are a look, no measure` : ''
console.log(`\nWritten to ${out}${few}`)
