import vine, { SimpleMessagesProvider } from '@vinejs/vine'

/*
 * The shapes of the old contract's bodies, its field names to the letter.
 * What a value means is judged by the facade, in one answer with its shape.
 * Other fields are ignored, as the old server ignored them.
 */

/** A compiled schema; a wrong shape is thrown as Vine's E_VALIDATION_ERROR. */
export interface BodySchema {
  validate(
    body: unknown,
    options: { messagesProvider: SimpleMessagesProvider }
  ): Promise<Record<string, unknown>>
}

const text = () => vine.string().optional().nullable()
const number = () =>
  vine
    .unionOfTypes([vine.string(), vine.number({ strict: true })])
    .optional()
    .nullable()
const flag = () =>
  vine
    .unionOfTypes([vine.string(), vine.boolean({ strict: true })])
    .optional()
    .nullable()

export const scheduleBody: BodySchema = vine.create({
  MAPREF: text(),
  FRQCD: text(),
  FRQDD: number(),
  FRQHH: number(),
  FRQMI: number(),
  STRTDT: text(),
  ENDDT: text(),
})

export const dependencyBody: BodySchema = vine.create({
  PARENT_MAP_REFERENCE: text(),
  CHILD_MAP_REFERENCE: text(),
})

export const switchBody: BodySchema = vine.create({ MAPREF: text(), JOB_FLG: text() })

export const runBody: BodySchema = vine.create({
  mapref: text(),
  loadType: text(),
  startDate: text(),
  endDate: text(),
  truncateLoad: flag(),
})

export const stopBody: BodySchema = vine.create({
  mapref: text(),
  startDate: text(),
  force: flag(),
})

/** A remedy for each kind of wrong shape. */
export const messages = new SimpleMessagesProvider({
  string: 'give a text',
  number: 'give a number, or a text of digits',
  boolean: 'give "Y" or "N", or true or false',
  object: 'send a JSON object as body, with Content-Type application/json',
  required: 'send a JSON object as body, with Content-Type application/json',
})
