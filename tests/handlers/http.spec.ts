import { test } from '@japa/runner'
import { Failed } from '../../src/jobs/outcome.ts'
import { ManualClock } from '../../src/testing/main.ts'
import { ask, json, redirect, serve } from './http_support.ts'

const HERE = ['127.0.0.1/32']

test.group('almanac.http | asking', () => {
  test('sends method, headers and JSON, and keeps the answer', async ({ assert }) => {
    const { port, received } = await serve({ '/orders': json({ id: 7 }, 201) })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE }
    const attempt = ask(
      {
        url: `http://127.0.0.1:${port}/orders?token=t0p`,
        method: 'POST',
        headers: { 'X-Trace': 'a' },
        json: { sku: 'ä' },
        expect: [201],
      },
      { settings }
    )
    const { result } = await attempt.done
    assert.deepEqual(result, {
      status: 201,
      url: `http://127.0.0.1:${port}/orders`,
      redirects: 0,
      contentType: 'application/json',
      bytes: 8,
      body: { id: 7 },
    })
    assert.containSubset(received[0], { method: 'POST', body: '{"sku":"ä"}' })
    assert.containSubset(received[0].headers, { 'x-trace': 'a', 'content-length': '12' })
    assert.notInclude(JSON.stringify(attempt.lines), 't0p')
  })

  test('{status} is tried again: {again}')
    .with([
      { status: 500, again: true },
      { status: 429, again: true },
      { status: 404, again: false },
      { status: 204, again: false },
    ])
    .run(async ({ assert }, { status, again }) => {
      const { port } = await serve({ '/': (_, response) => response.writeHead(status).end('why') })
      const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE }
      const { error } = await ask({ url: `http://127.0.0.1:${port}/`, expect: 200 }, { settings })
        .done
      assert.equal(error instanceof Failed, !again)
      assert.include(error.message, `GET http://127.0.0.1:${port}/ answered ${status}`)
    })

  test('a server that hangs is left after the timeout', async ({ assert }) => {
    const clock = new ManualClock()
    let arrived = () => {}
    const asked = new Promise<void>((resolve) => (arrived = resolve))
    const { port } = await serve({
      '/': (_, response) => {
        response.writeHead(200).write('begun')
        arrived()
      },
    })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE }
    const payload = { url: `http://127.0.0.1:${port}/`, timeout: '2s' }
    const attempt = ask(payload, { settings, clock })
    await asked
    await clock.advance(2_000)
    const { error } = await attempt.done
    assert.notInstanceOf(error, Failed)
    assert.equal(error.message, `GET http://127.0.0.1:${port}/: no answer within 2000 ms`)
    assert.equal(clock.pending, 0)
  })

  test('a server that switches to another protocol is left at once', async ({ assert }) => {
    const { port } = await serve({
      '/': (_, response) =>
        response.socket!.write('HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE }
    const { error } = await ask({ url: `http://127.0.0.1:${port}/` }, { settings }).done
    assert.match(error.message, /answered 101/)
    assert.notInstanceOf(error, Failed)
  })

  test('an abort ends the exchange with its reason', async ({ assert }) => {
    let arrived = () => {}
    const asked = new Promise<void>((resolve) => (arrived = resolve))
    const { port } = await serve({ '/': () => arrived() })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE }
    const attempt = ask({ url: `http://127.0.0.1:${port}/` }, { settings })
    await asked
    attempt.controller.abort('cancelled')
    assert.equal(await attempt.error, 'cancelled')
  })

  test('a body beyond the cap is not read to its end', async ({ assert }) => {
    let closed = () => {}
    const left = new Promise<void>((resolve) => (closed = resolve))
    const { port } = await serve({
      '/': (_, response) => {
        response.on('close', closed)
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        }
        response.on('drain', more)
        more()
      },
    })
    const hosts = [`127.0.0.1:${port}`]
    const settings = { hosts, privateNetworks: HERE, maxResponse: 1_000_000 }
    const { error } = await ask({ url: `http://127.0.0.1:${port}/` }, { settings }).done
    assert.instanceOf(error, Failed)
    assert.match(error.message, /larger than the 1000000 bytes of builtIn.http.maxResponse/)
    await left
  })

  test('a long body is cut in the result, or left out', async ({ assert }) => {
    const { port } = await serve({ '/': (_, response) => response.end('é'.repeat(500)) })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE, maxKept: 10 }
    const url = `http://127.0.0.1:${port}/`
    const cut = await ask({ url }, { settings }).done
    assert.containSubset(cut.result, { bytes: 1_000, body: 'é'.repeat(10), cut: true })
    const bare = await ask({ url, keepBody: false }, { settings }).done
    assert.notProperty(bare.result, 'body')
  })
})

test.group('almanac.http | redirects', () => {
  test('follows them, a POST as a GET', async ({ assert }) => {
    const { port, received } = await serve({
      '/a': redirect('/b', 303),
      '/b': redirect('/c', 307),
      '/c': json('done'),
    })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE }
    const payload = { url: `http://127.0.0.1:${port}/a`, method: 'POST', json: 1 }
    const { result } = await ask(payload, { settings }).done
    assert.containSubset(result, { redirects: 2, body: 'done' })
    assert.deepEqual(
      received.map(({ method, body }) => [method, body]),
      [
        ['POST', '1'],
        ['GET', ''],
        ['GET', ''],
      ]
    )
    assert.notProperty(received[2].headers, 'content-type')
  })

  test('but not for ever, and not where none are wanted', async ({ assert }) => {
    const { port, received } = await serve({ '/': redirect('/?k=secret') })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE, maxRedirects: 3 }
    const url = `http://127.0.0.1:${port}/`
    const endless = await ask({ url }, { settings }).done
    assert.instanceOf(endless.error, Failed)
    assert.equal(endless.error.message, 'More than 3 redirects, the last to /')
    assert.lengthOf(received, 4)
    const none = await ask({ url, redirects: 0, expect: 302 }, { settings }).done
    assert.equal(none.result.status, 302)
  })

  test('to another origin take no credentials along, nor back home', async ({ assert }) => {
    const home = await serve({
      '/a': (_, response) => redirect(`http://other.test:${port}/b`)(_, response),
      '/c': json(1),
    })
    const back = redirect(`http://home.test:${home.port}/c`)
    const { port, received } = await serve({ '/b': back })
    const names = {
      'home.test': ['127.0.0.1'],
      'other.test': ['127.0.0.1'],
    }
    const at = `home.test:${home.port}`
    const settings = {
      hosts: [at, `other.test:${port}`],
      privateNetworks: HERE,
      secrets: {
        TOKEN: { value: 'Bearer sesame', hosts: [at], plain: true },
        KEY: { value: 'key-sesame', hosts: [at], plain: true },
      },
    }
    const headers = {
      'authorization': { secret: 'TOKEN' },
      'x-api-key': { secret: 'KEY' },
      'x-a': 'b',
    }
    const { result } = await ask({ url: `http://${at}/a`, headers }, { settings, names }).done
    assert.equal(result.status, 200)
    const first = { 'authorization': 'Bearer sesame', 'x-api-key': 'key-sesame' }
    assert.containSubset(home.received[0].headers, first)
    assert.equal(received[0].headers['x-a'], 'b')
    assert.notProperty(received[0].headers, 'authorization')
    assert.notProperty(received[0].headers, 'x-api-key')
    assert.equal(home.received[1].url, '/c')
    assert.notProperty(home.received[1].headers, 'authorization')
  })

  test('to a host that config does not allow are refused', async ({ assert }) => {
    const other = await serve({ '/': json(1) })
    const { port } = await serve({ '/': redirect(`http://localhost:${other.port}/`) })
    const settings = { hosts: [`127.0.0.1:${port}`], privateNetworks: HERE }
    const { error } = await ask({ url: `http://127.0.0.1:${port}/` }, { settings }).done
    assert.instanceOf(error, Failed)
    assert.include(error.message, `http://localhost:${other.port} is not among the hosts`)
    assert.lengthOf(other.received, 0)
  })

  test('to {$self} are refused, although the host is allowed')
    .with([
      'http://127.0.0.2:PORT/',
      'http://2130706434:PORT/',
      'http://0x7f.2:PORT/',
      'http://169.254.169.254/latest/meta-data/',
      'http://[::1]:PORT/',
      'http://[::ffff:127.0.0.1]:PORT/',
      'http://[fd00::1]/',
      'http://10.0.0.1/',
      'http://192.168.1.1/',
      'http://172.20.0.1/',
      'http://100.64.0.1/',
      'http://0.0.0.0:PORT/',
      'http://inner.test:PORT/',
      'file:///etc/passwd',
      'ftp://inner.test/',
      'http://user:word@127.0.0.1:PORT/',
    ])
    .run(async ({ assert }, target) => {
      const trap = await serve({ '/': json('reached') })
      const location = target.replace('PORT', String(trap.port))
      const { port } = await serve({ '/': redirect(location) })
      const allowed = location.startsWith('http') ? [new URL(location).host] : ['inner.test']
      const settings = { hosts: [`127.0.0.1:${port}`, ...allowed], privateNetworks: HERE }
      const names = { 'inner.test': ['127.0.0.3'] }
      const payload = { url: `http://127.0.0.1:${port}/` }
      const { error } = await ask(payload, { settings, names }).done
      assert.instanceOf(error, Failed)
      const isPlain = /^http:[^@]+$/.test(target)
      assert.match(error.message, isPlain ? /is not a public address/ : /not (followed|asked)/)
      assert.lengthOf(trap.received, 0)
    })
})

test.group('almanac.http | addresses', () => {
  test('a private one is refused at the first hop too', async ({ assert }) => {
    const { port, received } = await serve({ '/': json(1) })
    const settings = { hosts: [`api.test:${port}`, `127.0.0.1:${port}`] }
    const names = { 'api.test': ['127.0.0.1'] }
    for (const host of ['api.test', '127.0.0.1']) {
      const { error } = await ask({ url: `http://${host}:${port}/` }, { settings, names }).done
      assert.instanceOf(error, Failed)
      assert.include(error.message, 'leads to 127.0.0.1, which is not a public address')
    }
    assert.lengthOf(received, 0)
  })

  test('a name that resolves elsewhere the second time gains nothing', async ({ assert }) => {
    const { port, received } = await serve({ '/': redirect('/again'), '/again': json('reached') })
    const settings = { hosts: [`api.test:${port}`], privateNetworks: HERE }
    const names = { 'api.test': ['127.0.0.1', '127.0.0.9'] }
    const attempt = ask({ url: `http://api.test:${port}/` }, { settings, names })
    const { error } = await attempt.done
    assert.instanceOf(error, Failed)
    assert.include(error.message, 'api.test leads to 127.0.0.9')
    assert.deepEqual(attempt.asked, ['api.test', 'api.test'])
    assert.deepEqual(
      received.map(({ url }) => url),
      ['/']
    )
  })

  test('each connection is made to the one address that was judged', async ({ assert }) => {
    const { port, received } = await serve({ '/': json('reached') })
    const settings = { hosts: [`api.test:${port}`], privateNetworks: HERE }
    const names = { 'api.test': ['127.0.0.1', '127.0.0.9'] }
    const attempt = ask({ url: `http://api.test:${port}/` }, { settings, names })
    assert.isNull(await attempt.error)
    assert.deepEqual(attempt.asked, ['api.test'])
    assert.equal(received[0].headers.host, `api.test:${port}`)
  })
})

test.group('almanac.http | secrets', () => {
  test('are never seen: not in logs, results or failures', async ({ assert }) => {
    const { port } = await serve({
      '/ok': (request, response) => response.end(`you sent ${request.headers.authorization}`),
      '/no': (request, response) =>
        response.writeHead(403).end(`bad ${request.headers.authorization}`),
    })
    const host = `127.0.0.1:${port}`
    const settings = {
      hosts: [host],
      privateNetworks: HERE,
      secrets: { TOKEN: { value: 'Bearer sesame', hosts: [host], plain: true } },
    }
    const headers = { authorization: { secret: 'TOKEN' } }
    const good = ask({ url: `http://${host}/ok`, headers }, { settings })
    const { body } = await good.result
    assert.equal(body, 'you sent [secret]')
    const bad = ask({ url: `http://${host}/no`, headers }, { settings })
    const { error } = await bad.done
    assert.equal(error.message, `GET http://${host}/no answered 403: bad [secret]`)
    assert.notInclude(JSON.stringify([good.lines, bad.lines]), 'sesame')
  })

  test('are hidden however the server repeats them at {path}')
    .with([
      { path: '/token', redirects: 5 },
      { path: '/location', redirects: 5 },
      { path: '/loop', redirects: 1 },
      { path: '/type', redirects: 5 },
      { path: '/json', redirects: 5 },
      { path: '/escaped', redirects: 5 },
    ])
    .run(async ({ assert }, { path, redirects }) => {
      const { port } = await serve({
        '/token': (_, response) => response.writeHead(401).end('no such token: sesame-"open"'),
        '/location': redirect('/seen/sesame-"open"'),
        '/seen/sesame-%22open%22': json({}),
        '/loop': redirect('/loop/sesame-%22open%22'),
        '/loop/sesame-%22open%22': redirect('/loop/sesame-%22open%22'),
        '/type': (_, response) =>
          response.writeHead(200, { 'content-type': 'text/sesame-"open"' }).end('x'),
        '/json': json({ token: 'sesame-"open"' }),
        '/escaped': (_, response) =>
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end('{ "token": "\\u0073esame-\\u0022open\\u0022" }'),
      })
      const host = `127.0.0.1:${port}`
      const settings = {
        hosts: [host],
        privateNetworks: HERE,
        secrets: { TOKEN: { value: 'Bearer sesame-"open"', hosts: [host], plain: true } },
      }
      const headers = { authorization: { secret: 'TOKEN' } }
      const attempt = ask({ url: `http://${host}${path}`, headers, redirects }, { settings })
      const { result, error } = await attempt.done
      const seen = JSON.stringify([result, error?.message, attempt.lines])
      assert.notMatch(seen, /sesame/)
    })

  test('go only to their hosts, and over http only where config says so', async ({ assert }) => {
    const { port, received } = await serve({ '/': json(1) })
    const host = `127.0.0.1:${port}`
    for (const secret of [
      { value: 'sesame', hosts: ['api.example.com'], plain: true },
      { value: 'sesame', hosts: [host] },
    ]) {
      const settings = { hosts: [host], privateNetworks: HERE, secrets: { TOKEN: secret } }
      const headers = { authorization: { secret: 'TOKEN' } }
      const { error } = await ask({ url: `http://${host}/`, headers }, { settings }).done
      assert.instanceOf(error, Failed)
      assert.include(
        error.message,
        `The secret of header "authorization" is not for http://${host}`
      )
    }
    assert.lengthOf(received, 0)
  })
})
