/**
 * Puts things behind those that they come after.
 *
 * @param parents of each thing; parents that are no things themselves do not count
 * @returns the things in order, parents first; and the way of a loop, its
 * first member again at its end, where some wait for each other
 */
export function orderOf(parents: Map<string, string[]>): {
  ordered: string[]
  loop: string[] | null
} {
  const children = new Map<string, string[]>()
  const waits = new Map<string, number>()
  for (const [id, all] of parents) {
    const known = all.filter((parent) => parents.has(parent))
    waits.set(id, known.length)
    known.forEach((parent) => children.set(parent, [...(children.get(parent) ?? []), id]))
  }
  const ordered = [...parents.keys()].filter((id) => waits.get(id) === 0)
  for (const id of ordered) {
    for (const child of children.get(id) ?? []) {
      const left = waits.get(child)! - 1
      waits.set(child, left)
      if (left === 0) {
        ordered.push(child)
      }
    }
  }
  const left = new Set([...parents.keys()].filter((id) => waits.get(id)! > 0))
  return { ordered, loop: left.size === 0 ? null : loopAmong(left, parents) }
}

/** Each of these has a parent among them: going from parent to parent leads round. */
function loopAmong(left: Set<string>, parents: Map<string, string[]>): string[] {
  const way: string[] = []
  let id = [...left][0]
  while (!way.includes(id)) {
    way.unshift(id)
    id = parents.get(id)!.find((parent) => left.has(parent))!
  }
  return [id, ...way.slice(0, way.indexOf(id) + 1)]
}
