/** null: the database's clock decides; a number overrides it (tests). */
export type Now = number | null
