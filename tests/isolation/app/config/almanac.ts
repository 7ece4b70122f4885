import { defineConfig, stores } from '../../../../src/define_config.ts'

// A handler's own process must not start working, whatever its role says
export default defineConfig({
  store: stores.database(),
  roles: process.env.ISOLATED_ROLE === 'console' ? ['console'] : [],
  poll: '20ms',
})
