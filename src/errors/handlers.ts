import { defineError } from './define.ts'

// What a running handler meets: its isolation and its locks.

export const E_HANDLER_EXITED = defineError<[handler: string, how: string]>({
  code: 'E_HANDLER_EXITED',
  status: 500,
  message: 'Isolated handler "%s" gave no answer: %s',
  help: "See the last lines of the execution's log; where it ran out of memory, raise options.isolate.memory or work in smaller parts.",
})

export const E_NOT_ISOLATED = defineError<[handler: string, reason: string]>({
  code: 'E_NOT_ISOLATED',
  status: 500,
  message: 'Handler "%s" cannot be run isolated: %s',
  help: 'Export the handler from the module that options.module names (or that lies in the handlers folder), by default or under its own name.',
})

export const E_NO_ENGINE = defineError<[queue: string]>({
  code: 'E_NO_ENGINE',
  status: 500,
  message: 'Queue "%s" has the executor "queue", but @adonisjs/queue is not set up in this app',
  help: 'Run "npm install @adonisjs/queue" and "node ace configure @adonisjs/queue", or take queues.<name>.executor out of config/almanac.ts.',
})

export const E_NOT_TAKEN = defineError<[count: string, queue: string, reason: string]>({
  code: 'E_NOT_TAKEN',
  status: 503,
  message: '%s executions of queue "%s" could not be handed over: %s',
  help: 'They are back in the queue, and handed over when the other engine answers. See whether its Redis or database can be reached.',
})

export const E_NOT_DELIVERED = defineError<[id: string, reason: string]>({
  code: 'E_NOT_DELIVERED',
  status: 503,
  message: 'Execution "%s" was delivered and cannot be run here: %s',
  help: 'It is handed over again. Workers of the other engine need the handlers of the nodes; a process that stops takes nothing more.',
})

export const E_EXECUTION_NOT_DEAD = defineError<[id: string, state: string]>({
  code: 'E_EXECUTION_NOT_DEAD',
  status: 409,
  message: 'Execution "%s" is %s: only what is failed, timed_out or abandoned can be redriven',
  help: 'List what can be with "node ace almanac:dead"; run an event again with "node ace almanac:trigger".',
})

export const E_EXECUTION_REDRIVEN = defineError<[id: string, redrive: string, state: string]>({
  code: 'E_EXECUTION_REDRIVEN',
  status: 409,
  message: 'Execution "%s" was redriven already, as "%s", which is %s',
  help: 'The new one stands for it: where that is dead too, redrive that one ("node ace almanac:dead" lists it); to run the same work once more, enqueue it.',
})

export const E_LOCK_TIMEOUT = defineError<[name: string, ms: string]>({
  code: 'E_LOCK_TIMEOUT',
  status: 409,
  message: 'The lock "%s" was not free within %s ms',
  help: 'Wait longer, or snooze the execution: return outcome.snooze("1m").',
})

export const E_LOCK_LOST = defineError<[name: string]>({
  code: 'E_LOCK_LOST',
  status: 409,
  message: 'The lock "%s" is not held',
  help: 'Another may hold it by now. Stop the work that it guarded; acquire it again to go on.',
})
