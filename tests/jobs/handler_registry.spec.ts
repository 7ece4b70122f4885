import ts from 'typescript'
import { test } from '@japa/runner'
import { decoratedHandlers, handler, Handler, handlerName } from '../../src/handler.ts'
import { HandlerRegistry } from '../../src/jobs/handler_registry.ts'
import type { HandlerClass, HandlerContext, HandlerOptions } from '../../src/types/handlers.ts'

const defaults = {
  timeout: null,
  logLevel: 'trace',
  retry: { retries: 3, backoff: 'exponential', delay: '1s', maxDelay: '1m', jitter: 0.2 },
} as const
const registry = () => new HandlerRegistry({ defaults, make: (Class) => new Class() })
const context = { payload: 'ana' } as HandlerContext

class SendHTMLMailHandler extends Handler<string> {
  static override options: HandlerOptions = { queue: 'mail', priority: 1, timeout: '2m' }
  greeting = 'hello'
  handle({ payload }: HandlerContext<string>) {
    return `${this.greeting} ${payload}`
  }
}

class NamedHandler extends Handler {
  static override options: HandlerOptions = { name: 'billing.close', retry: { retries: 9 } }
  handle() {}
}

class InheritingHandler extends NamedHandler {}

@handler('decorated.one')
class DecoratedHandler extends Handler {
  static override options: HandlerOptions = { name: 'the decorator wins' }
  handle() {}
}

test.group('Handler names', () => {
  test('come from decorator, own options, then the class name', ({ assert }) => {
    assert.equal(handlerName(SendHTMLMailHandler), 'send_html_mail')
    assert.equal(handlerName(NamedHandler), 'billing.close')
    assert.equal(handlerName(InheritingHandler), 'inheriting')
    assert.equal(handlerName(DecoratedHandler), 'decorated.one')
  })

  test('an anonymous class has none', ({ assert }) => {
    assert.throws(
      () =>
        handlerName(
          (() =>
            class extends Handler {
              handle() {}
            })()
        ),
      'Handler "(anonymous class)" cannot be used: it has no name'
    )
    assert.throws(() => handler(''), 'Handler "" cannot be used: the decorator needs a name')
  })

  test('decorated classes are listed for the boot', ({ assert }) => {
    assert.deepInclude(decoratedHandlers(), { name: 'decorated.one', Class: DecoratedHandler })
  })

  test('a standard decorator works as the experimental one', async ({ assert }) => {
    const source = `
      export function load(handler) {
        @handler('decorated.standard')
        class Standard { static options = { name: 'no' }; handle() {} }
        return Standard
      }`
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    })
    const module = await import(`data:text/javascript,${encodeURIComponent(outputText)}`)
    const Standard: HandlerClass = module.load(handler)

    assert.equal(handlerName(Standard), 'decorated.standard')
    assert.isTrue(decoratedHandlers().some(({ Class }) => Class === Standard))
  })
})

test.group('Handler registry', () => {
  test('registers classes and functions, and runs them', async ({ assert }) => {
    const handlers = registry()
    assert.equal(handlers.registerClass(SendHTMLMailHandler), 'send_html_mail')
    handlers.register('echo', (run: HandlerContext<string>) => run.payload)

    assert.deepEqual(handlers.names(), ['echo', 'send_html_mail'])
    assert.equal(await handlers.get('send_html_mail').run(context), 'hello ana')
    assert.equal(await handlers.get('echo').run(context), 'ana')
  })

  test('merges options with the defaults, durations in ms', ({ assert }) => {
    const handlers = registry()
    handlers.registerClass(SendHTMLMailHandler)
    handlers.registerClass(NamedHandler)
    handlers.register('once', () => {}, { retry: false, timeout: 1_000, idempotent: true })

    const mail = handlers.get('send_html_mail')
    assert.include(mail, { queue: 'mail', priority: 1, timeout: 120_000, idempotent: false })
    assert.include(mail.retry, { retries: 3, delay: 1_000, maxDelay: 60_000 })
    assert.include(handlers.get('billing.close'), { queue: 'default', priority: 5, timeout: null })
    assert.equal(handlers.get('billing.close').retry.retries, 9)
    assert.include(handlers.get('once'), { timeout: 1_000, idempotent: true })
    assert.equal(handlers.get('once').retry.retries, 0)
  })

  test('an undefined option is the default', ({ assert }) => {
    const handlers = registry()
    handlers.register('one', () => {}, { retry: { retries: undefined }, timeout: undefined })
    assert.equal(handlers.get('one').retry.retries, 3)
    assert.isNull(handlers.get('one').timeout)
  })

  test('a name taken twice is refused, the same handler again is not', ({ assert }) => {
    const handlers = registry()
    handlers.registerClass(NamedHandler)
    handlers.registerClass(NamedHandler)

    assert.throws(
      () => handlers.register('billing.close', SendHTMLMailHandler),
      'The handler name "billing.close" is taken twice: by class NamedHandler and by class SendHTMLMailHandler'
    )
    assert.throws(
      () => handlers.register('billing.close', () => {}),
      'The handler name "billing.close" is taken twice: by class NamedHandler and by an anonymous function'
    )
  })

  test('finds the name of a reference', ({ assert }) => {
    const handlers = registry()
    handlers.register('mail', SendHTMLMailHandler)
    assert.equal(handlers.nameOf('anything'), 'anything')
    assert.equal(handlers.nameOf(SendHTMLMailHandler), 'mail')
    assert.equal(handlers.nameOf(NamedHandler), 'billing.close')
  })

  test('an unknown name is refused', ({ assert }) => {
    assert.isFalse(registry().has('nope'))
    assert.throws(() => registry().get('nope'), 'No handler is registered as "nope"')
  })

  test('refuses what cannot run: {0}')
    .with([
      ['null', null, 'it is null'],
      ['a text', 'text', 'it is a string'],
      ['a class without handle', class Empty {}, 'its class has no handle(context) method'],
    ] as [string, unknown, string][])
    .run(({ assert }, [, target, reason]) => {
      assert.throws(
        () => registry().register('bad', target as HandlerClass),
        `Handler "bad" cannot be used: ${reason}`
      )
    })

  test('registerClass refuses a function and a name must not be empty', ({ assert }) => {
    assert.throws(
      () => registry().registerClass(function sync() {} as unknown as HandlerClass),
      'Handler "function sync" cannot be used: it is not a class with a handle() method'
    )
    assert.throws(
      () => registry().register('', () => {}),
      'Handler "" cannot be used: it has no name'
    )
  })

  test('refuses a name that no store holds: {0}')
    .with([
      ['of spaces', ' ', 'give a text of 1 to 255 characters'],
      ['of 256 characters', 'n'.repeat(256), 'give a text of 1 to 255 characters'],
      ['with NUL', 'a\0b', 'leave that character out'],
      ['with half a character', 'a\ud83d', 'leave that character out'],
    ] as [string, string, string][])
    .run(({ assert }, [, name, remedy]) => {
      const handlers = registry()
      assert.throws(() => handlers.register(name, () => {}), new RegExp(`as a name: .*${remedy}`))
      assert.isEmpty(handlers.names())
    })

  test('a longest delay below the default one is a bound, and no mistake', ({ assert }) => {
    const handlers = registry()
    handlers.register('quick', () => {}, { retry: { maxDelay: 10 } })
    assert.include(handlers.get('quick').retry, { delay: 1_000, maxDelay: 10 })
  })

  test('refuses a bad option by name: {0}')
    .with([
      ['priority', { priority: 11 }, 'options.priority is 11; give 1 to 10'],
      ['queue', { queue: '' }, 'options.queue is ; give a text of 1 to 255 characters'],
      [
        'queue of 256 characters',
        { queue: 'q'.repeat(256) },
        `options.queue is ${'q'.repeat(79)}…; give a text of 1 to 255 characters`,
      ],
      ['retries', { retry: { retries: -1 } }, 'options.retry.retries is -1; give 0 to 10000'],
      ['jitter', { retry: { jitter: 2 } }, 'options.retry.jitter is 2; give 0 to 1'],
      ['jitter null', { retry: { jitter: null } }, 'options.retry.jitter is null; give 0 to 1'],
      ['jitter as text', { retry: { jitter: '1' } }, 'options.retry.jitter is 1; give 0 to 1'],
      [
        'a delay beyond the longest',
        { retry: { delay: '2m' } },
        'options.retry.delay is 2m; give at most retry.maxDelay (1m), or raise that',
      ],
      [
        'backoff',
        { retry: { backoff: 'cubic' } },
        'options.retry.backoff is "cubic"; give exponential, linear or fixed',
      ],
    ] as [string, HandlerOptions, string][])
    .run(({ assert }, [, options, reason]) => {
      assert.throws(
        () => registry().register('bad', () => {}, options),
        `Handler "bad" cannot be used: ${reason}`
      )
    })

  test('a bad duration names the handler', ({ assert }) => {
    assert.throws(
      () => registry().register('bad', () => {}, { timeout: 'soon' }),
      'timeout of handler "bad": "soon" is not a duration'
    )
  })
})
