import { defineError } from './define.ts'

export const E_DEPENDENCY_LOOP = defineError<[path: string]>({
  code: 'E_DEPENDENCY_LOOP',
  status: 422,
  message: 'These would wait for each other: %s',
  help: 'Leave out one of the dependencies of the path, so that one of them can begin.',
})

export const E_EVENT_HAS_DEPENDENTS = defineError<[event: string, dependents: string]>({
  code: 'E_EVENT_HAS_DEPENDENTS',
  status: 409,
  message: 'Event "%s" is not deleted: %s run after it',
  help: 'Delete it with { detach: true }, so that they no longer wait for it, or change what they run after first.',
})
