import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Output {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end; a non-zero exit is an error that shows what the program said. */
export async function run(cwd: string, command: string, args: string[]): Promise<Output> {
  const output = await collect(start(cwd, command, args))
  if (output.code !== 0) {
    const text = `${output.stdout}\n${output.stderr}`.trim().slice(-4_000)
    throw new Error(`${command} ${args.join(' ')} exited with ${output.code}\n${text}`)
  }
  return output
}

export function start(cwd: string, command: string, args: string[], env = {}): ChildProcess {
  const options = { cwd, env: { ...appEnv(), ...env } }
  return spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
}

export async function collect(child: ChildProcess): Promise<Output> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => (stdout += chunk))
  child.stderr?.on('data', (chunk) => (stderr += chunk))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

/** The app is another process: there is no signal to wait for, so its file is looked for. */
export async function waitForFile(path: string, child: ChildProcess, timeout: number) {
  const until = Date.now() + timeout
  while (Date.now() < until && child.exitCode === null) {
    if (await exists(path)) {
      return
    }
    await sleep(100)
  }
  throw new Error(`${path} was not written within ${timeout} ms (exit code ${child.exitCode})`)
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  server.close()
  return address.port
}

/** What a process prints, as soon as it matches. */
export function said(child: ChildProcess, pattern: RegExp, timeout: number) {
  return new Promise<RegExpExecArray>((resolve, reject) => {
    let heard = ''
    const give = () => {
      child.kill('SIGKILL')
      reject(new Error(`${pattern} was not said within ${timeout} ms\n${heard}`))
    }
    const timer = setTimeout(give, timeout)
    child.once('close', give)
    child.stdout?.on('data', (chunk) => {
      heard += chunk
      const match = pattern.exec(heard)
      if (match) {
        clearTimeout(timer)
        child.off('close', give)
        resolve(match)
      }
    })
  })
}

export function exists(path: string) {
  return access(path).then(
    () => true,
    () => false
  )
}

/** One named check after the other; each needs what those before it did. */
export class Checks {
  #passed = 0
  #failed = 0

  async check(title: string, body: () => Promise<void>) {
    if (this.#failed) {
      return
    }
    const began = Date.now()
    try {
      await body()
      this.#passed++
      console.log(`  ✔ ${title} (${Date.now() - began} ms)`)
    } catch (error) {
      this.#failed++
      console.error(`  ✖ ${title}\n${error instanceof Error ? error.stack : error}`)
    }
  }

  async finish() {
    console.log(`Package: ${this.#passed} passed, ${this.#failed} failed`)
    process.exitCode = this.#failed ? 1 : 0
    if (process.env.ALMANAC_TEST_TOTALS) {
      await writeFile(process.env.ALMANAC_TEST_TOTALS, `${this.#passed} ${this.#failed}\n`)
    }
  }
}

/** The app must not see the settings of the npm script that runs us, but keep its Node.js. */
function appEnv() {
  const entries = Object.entries(process.env)
  return Object.fromEntries(
    entries.filter(([name]) => !/^(npm_(package|lifecycle|command)|NODE_V8_|NODE_ENV$)/.test(name))
  )
}
