import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { findProgram } from '../../helpers/programs.ts'

const run = promisify(execFile)

/** Longest wait for a server that was started to answer, ms. */
const PATIENCE = 60_000

export type OwnServerKind = 'postgresql' | 'mariadb'

interface Recipe {
  /** The servers refuse to run as root. */
  owner: string
  /** Makes the files of a new server. */
  install(folder: string): Promise<{ command: string; args: string[] }>
  serve(place: Place): Promise<{ command: string; args: string[] }>
  /** Ends the process at once, without a checkpoint: what was not written by then is gone. */
  hard: NodeJS.Signals
  location(port: number): string
  ping(location: string): Promise<void>
}

interface Place {
  folder: string
  port: number
}

interface Owner {
  uid?: number
  gid?: number
}

const RECIPES: Record<OwnServerKind, Recipe> = {
  postgresql: {
    owner: 'postgres',
    install: async (folder) => ({
      command: await findProgram('initdb'),
      args: ['-D', join(folder, 'data'), '-U', 'postgres', '--auth=trust', '--no-sync'],
    }),
    serve: async ({ folder, port }) => ({
      command: await findProgram('postgres'),
      args: ['-D', join(folder, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', folder],
    }),
    // An immediate stop: of the server's processes only the first one knows all others
    hard: 'SIGQUIT',
    location: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    async ping(location) {
      const client = new pg.Client({ connectionString: location })
      await client.connect()
      await client.end()
    },
  },
  mariadb: {
    owner: 'mysql',
    install: async (folder) => ({
      command: await findProgram('mariadb-install-db'),
      args: [
        '--no-defaults',
        `--datadir=${join(folder, 'data')}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ],
    }),
    serve: async ({ folder, port }) => ({
      command: await findProgram('mariadbd'),
      args: [
        '--no-defaults',
        `--datadir=${join(folder, 'data')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--socket=${join(folder, 'socket')}`,
        `--pid-file=${join(folder, 'pid')}`,
      ],
    }),
    hard: 'SIGKILL',
    location: (port) => `mysql://root@127.0.0.1:${port}/mysql`,
    async ping(location) {
      const connection = await createConnection({ uri: location })
      await connection.end()
    },
  },
}

/**
 * A database server that belongs to one test, with its files in a temporary
 * folder and on a free port, so that the test may stop it under its clients.
 */
export class OwnServer {
  readonly location: string
  readonly #recipe: Recipe
  readonly #place: Place
  readonly #owner: Owner
  #process: ChildProcess | null = null
  #last = ''

  private constructor(recipe: Recipe, place: Place, owner: Owner) {
    this.#recipe = recipe
    this.#place = place
    this.#owner = owner
    this.location = recipe.location(place.port)
  }

  /** A new, empty server that answers. */
  static async create(kind: OwnServerKind): Promise<OwnServer> {
    const recipe = RECIPES[kind]
    const owner = await ownerOf(recipe.owner)
    const folder = await mkdtemp(join(tmpdir(), `almanac-${kind}-`))
    await chmod(folder, 0o711)
    if (owner.uid !== undefined) {
      await chown(folder, owner.uid, owner.gid!)
    }
    const server = new OwnServer(recipe, { folder, port: await freePort() }, owner)
    try {
      const { command, args } = await recipe.install(folder)
      await run(command, args, { ...owner, cwd: folder })
      await server.start()
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** Starts the server on its files, and waits until it answers. */
  async start(): Promise<void> {
    const { folder } = this.#place
    const { command, args } = await this.#recipe.serve(this.#place)
    const server = spawn(command, args, {
      ...this.#owner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = server
    server.stderr.on('data', (data: Buffer) => (this.#last = data.toString()))
    process.once('exit', this.#abandon)
    await this.#answers()
  }

  /** Stops it as a crash does. */
  async stopHard(): Promise<void> {
    const server = this.#process
    this.#process = null
    process.off('exit', this.#abandon)
    if (server && server.exitCode === null && server.signalCode === null) {
      const exited = once(server, 'exit')
      server.kill(this.#recipe.hard)
      await exited
    }
  }

  async close(): Promise<void> {
    await this.stopHard()
    await rm(this.#place.folder, { recursive: true, force: true })
  }

  async #answers(): Promise<void> {
    const deadline = performance.now() + PATIENCE
    for (;;) {
      try {
        await this.#recipe.ping(this.location)
        return
      } catch (error) {
        if (performance.now() > deadline || this.#process?.exitCode !== null) {
          throw new Error(`The server does not answer: ${this.#last}`, { cause: error })
        }
        await setTimeout(50)
      }
    }
  }

  /** The test's own process ends without having closed it. */
  readonly #abandon = () => void this.#process?.kill(this.#recipe.hard)
}

/** Whom a server is to run as; whoever runs the tests, unless that is root. */
async function ownerOf(name: string): Promise<Owner> {
  if (process.getuid?.() !== 0) {
    return {}
  }
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])))
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
