import { openServer, storageOn } from '../helpers/server_database.ts'

/** Listens and does nothing else: `node listening_process.ts <url>`. It ends by itself. */
const storage = storageOn(openServer(process.argv[2]))
const busy = setInterval(() => {}, 60_000)
await storage.watch({
  changed() {},
  lost(error) {
    throw error
  },
  listening() {
    console.log('listening')
    clearInterval(busy)
  },
})
