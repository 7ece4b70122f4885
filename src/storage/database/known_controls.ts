import type { ControlRecord } from '../../types/controls.ts'
import type { Now } from '../contract.ts'
import { controlRows } from './control_rows.ts'
import { first, firstNumber, type Work } from './work.ts'

/** The controls as they were at a version. */
export interface ControlsView {
  version: number
  controls: ControlRecord[]
}

/**
 * The controls that this process knows. A claim names the version it was
 * planned with in its statement, so that one that was planned with old
 * controls takes nothing: the knowledge only saves reading them each time.
 */
export class KnownControls {
  #view: ControlsView | null = null

  /** What is known; null where nothing was read yet. */
  get view(): ControlsView | null {
    return this.#view
  }

  /** @returns the controls as they are now; the same view while nothing has changed */
  async current(work: Work): Promise<ControlsView> {
    return this.#as(work, await firstNumber(work, CONTROLS_VERSION))
  }

  /** The same, with the clock: one statement while nothing has changed. */
  async currentAt(work: Work, given: Now): Promise<ControlsView & { now: number }> {
    const row = await first(
      work,
      `select (${CONTROLS_VERSION}) as version, (${work.dialect.clockSql}) as now_ms`
    )
    const { version, now_ms: now } = row!
    const view = await this.#as(work, version === null ? null : Number(version))
    return { ...view, now: given ?? Number(now) }
  }

  async #as(work: Work, version: number | null): Promise<ControlsView> {
    return this.#view?.version === version ? this.#view : this.#read(work)
  }

  /** The version is read first: what changes in between is found out the next time. */
  async #read(work: Work): Promise<ControlsView> {
    const version = (await firstNumber(work, CONTROLS_VERSION)) ?? 0
    const rows = await controlRows(work)
    this.#view = { version, controls: rows.map(({ control }) => control) }
    return this.#view
  }
}

export const CONTROLS_VERSION = `select amount from almanac_meta where name = 'controls'`
