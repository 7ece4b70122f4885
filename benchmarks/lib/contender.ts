import type { ServerCpu } from './cpu.ts'

/** An engine under measurement, in a process of its own. */
export interface Contender {
  /** Puts jobs into the queue while nobody works on them. */
  enqueue(count: number): Promise<void>
  /** Begins to work; `ran` is called in every run of the handler, which does nothing else. */
  start(ran: () => void): Promise<void>
  /** Ends of jobs that are stored, or jobs that are gone where the engine keeps nothing. */
  stored(): Promise<number>
  /** Stops working. What was begun has ended. */
  stop(): Promise<void>
  /** Adds finished work like the one that is there, where the engine keeps it. */
  grow?(finished: number): Promise<void>
  /** Processor time of the server, as far as it works for this engine. */
  serverCpu: ServerCpu
  /** Leaves nothing behind. */
  close(): Promise<void>
}

export interface ContenderOptions {
  concurrency: number
  /** Keys that the work is spread over, where the engine holds one run at a time per key. */
  keys: number
  /** Whether it is the pick-up that counts: the engine listens for work where it can. */
  latency?: boolean
}

export type OpenContender = (options: ContenderOptions) => Promise<Contender>

/** Where the servers are. */
export const POSTGRES = process.env.ALMANAC_TEST_PG || 'postgres://postgres@127.0.0.1:5432/test'
export const REDIS = process.env.ALMANAC_TEST_REDIS || 'redis://127.0.0.1:6379'
