import { defineConfig, stores } from '../../../../src/define_config.ts'

export default defineConfig({
  store: stores.database(),
  poll: { min: '10ms', max: '100ms' },
  lease: { ttl: '1500ms', renew: '400ms' },
  retry: { retries: 2, backoff: 'fixed', delay: '50ms', jitter: 0 },
  shutdown: { deadline: '1s' },
  queues: { 'heavy': { executor: 'queue', ahead: 20 }, '*': {} },
})
