import type { OpenContender } from '../lib/contender.ts'
import { openWith } from './graphile.ts'

export const open: OpenContender = (options) => openWith(options, {})
