/**
 * The app in ./app as a node of its own, which works on the store that the
 * environment names. Tells its parent that it works, and its counters when
 * it is asked; drains on SIGTERM.
 */
import { newWorld } from './world.ts'

const app = newWorld()
await app.init()
await app.boot()
await app.start(() => {})
const almanac = await app.container.make('almanac')
process.on('message', async () => {
  const { counters } = await almanac.status()
  process.send?.({ counters })
})
process.once('SIGTERM', async () => {
  await app.terminate()
  process.exit()
})
await almanac.start()
process.send?.('working')
