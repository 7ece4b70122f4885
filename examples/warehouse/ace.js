/*
 * The app's commands: `node ace.js list`. The demo starts its worker with it.
 */
import '@poppinss/ts-exec'
await import('./bin/console.ts')
