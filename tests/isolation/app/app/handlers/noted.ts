import { Handler } from '../../../../../src/handler.ts'

export default class Noted extends Handler {
  handle() {}
}
