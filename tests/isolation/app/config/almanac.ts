import { defineConfig, stores } from '../../../../src/define_config.ts'

// A handler's own process must not start working, whatever its role says
export default defineConfig({
  store: stores.database(),
  roles: process.env.ISOLATED_ROLE === 'console' ? ['console'] : [],
  poll: '20ms',
  // Beats that a test can wait for
  ...(process.env.ISOLATED_RENEW && {
    lease: { ttl: '15s', renew: process.env.ISOLATED_RENEW },
    shutdown: { deadline: '500ms' },
  }),
})
