import { defineError } from './define.ts'

// What flows of a legacy source meet while they run.

export const E_PYTHON_FLOW = defineError<[mapref: string, reason: string]>({
  code: 'E_PYTHON_FLOW',
  status: 500,
  message: 'Python flow of MAPREF "%s": %s',
  help: "The run's error row has the traceback, the execution's log what the flow printed. See docs/legacy_runners.md.",
})

export const E_CHECKPOINT = defineError<[value: string, remedy: string]>({
  code: 'E_CHECKPOINT',
  status: 422,
  message: 'Checkpoint %s: %s',
  help: 'See "Checkpoints" in docs/legacy_runners.md.',
})
