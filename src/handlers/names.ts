/** The names of the built-in handlers, each as its key in `builtIn` of the config. */
export const ACE_HANDLER = 'almanac.ace'
export const PROCESS_HANDLER = 'almanac.process'
export const HTTP_HANDLER = 'almanac.http'
export const SQL_HANDLER = 'almanac.sql'
export const CLEANUP_HANDLER = 'almanac.cleanup'
