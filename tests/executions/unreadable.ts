/** An error of which one part cannot be read. */
export function unreadable(part: string): Error {
  return Object.defineProperty(new Error('boom'), part, {
    get() {
      throw new Error('the getter throws')
    },
  })
}

/** An error that answers every question with a throw. */
export function hostile(): Error {
  const refuse = () => {
    throw new Error('the trap throws')
  }
  return new Proxy(new Error('boom'), {
    get: refuse,
    has: refuse,
    ownKeys: refuse,
    getPrototypeOf: refuse,
    getOwnPropertyDescriptor: refuse,
  })
}
