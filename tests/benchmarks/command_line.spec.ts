import { spawnSync } from 'node:child_process'
import { test } from '@japa/runner'

/** Runs a script as `npm run` does. */
function run(script: string, ...args: string[]) {
  const argv = ['--import=@poppinss/ts-exec', `benchmarks/${script}`, ...args]
  return spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 60_000 })
}

test.group('Benchmarks | command line', (group) => {
  group.tap((each) => each.timeout(60_000))

  test('{script} refuses {args}')
    .with([
      {
        script: 'run.ts',
        args: ['nope'],
        named: 'the comparison is "nope"; give some of drain-50',
      },
      { script: 'run.ts', args: ['toString'], named: 'the comparison is "toString"' },
      { script: 'run.ts', args: ['--repetitions=0'], named: '--repetitions is "0"; give a whole' },
      { script: 'run.ts', args: ['--repetition=5'], named: "'--repetition'" },
      { script: 'soak.ts', args: ['--minutes=ten'], named: '--minutes is "ten"; give a number' },
      { script: 'soak.ts', args: ['--rate=-1'], named: '--rate is "-1"' },
      { script: 'soak.ts', args: ['10'], named: 'the argument is "10"' },
      { script: 'report.ts', args: ['10', 'many'], named: 'rows is "many"; give a whole number' },
    ])
    .run(({ assert }, { script, args, named }) => {
      const { status, stderr } = run(script, ...args)
      assert.include(stderr, named)
      assert.match(stderr, /^npm run bench/m)
      assert.equal(status, 2)
    })

  test('{$self} --help tells its usage and measures nothing')
    .with(['run.ts', 'soak.ts', 'report.ts'])
    .run(({ assert }, script) => {
      const { status, stdout } = run(script, '--help')
      assert.match(stdout, /^npm run bench/)
      assert.equal(status, 0)
    })
})
