import type { HandlerOptions } from 'adonisjs-almanac/types'
import TellPlace from '#handlers/tell_place'

export default class TellThread extends TellPlace {
  static override options: HandlerOptions = { isolate: 'thread' }
}
