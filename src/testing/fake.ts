export {
  FakeAlmanac,
  type FakeEnqueued,
  type FakeTriggered,
  type PayloadCheck,
} from '../scheduler/fake.ts'
