export { ChaosStorage, type FailureMoment, type StorageOperation } from './chaos_storage.ts'
export { EventRecorder, type Recorded } from './event_recorder.ts'
export { createTestAlmanac, TestAlmanac, type TestAlmanacOptions } from './factory.ts'
export { FakeAlmanac, type FakeEnqueued, type FakeTriggered, type PayloadCheck } from './fake.ts'
export { ManualClock } from './manual_clock.ts'
export { RecordingLogger, type LoggedLine } from './recording_logger.ts'
export { runHandler, type HandlerRun, type RunHandlerOptions } from './run_handler.ts'
export { MemoryStorage } from '../storage/memory/main.ts'
export {
  registerStorageTestSuite,
  type StorageSuiteOptions,
  type StorageUnderTest,
} from './storage_test_suite.ts'
