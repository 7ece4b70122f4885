import type { ParentLink } from '../../types/workflows.ts'

/** What each execution waits for, and who waits for each. */
export class LinkTable {
  readonly #links = new Map<string, ParentLink[]>()
  readonly #children = new Map<string, Set<string>>()

  of(childId: string): ParentLink[] {
    return this.#links.get(childId) ?? []
  }

  to(parentIds: string[]): ParentLink[] {
    return parentIds.flatMap((parentId) =>
      [...(this.#children.get(parentId) ?? [])].flatMap((childId) =>
        this.of(childId).filter((link) => link.parentId === parentId)
      )
    )
  }

  all(): ParentLink[] {
    return [...this.#links.values()].flat()
  }

  /** Puts these in the place of what the execution had. */
  set(childId: string, links: ParentLink[]): void {
    this.delete(childId)
    this.#links.set(childId, links)
    for (const { parentId } of links) {
      if (parentId !== null) {
        const children = this.#children.get(parentId) ?? new Set()
        this.#children.set(parentId, children.add(childId))
      }
    }
  }

  delete(childId: string): void {
    for (const { parentId } of this.of(childId)) {
      const children = parentId === null ? undefined : this.#children.get(parentId)
      children?.delete(childId)
      if (children?.size === 0) {
        this.#children.delete(parentId!)
      }
    }
    this.#links.delete(childId)
  }
}
