/** What a notification says: work waits, or an event is due earlier than was known. */
export const TOLD = { work: 'work', events: 'events' } as const

/** The triggers that tell, with the table of each. */
export const NOTIFY_TRIGGERS = {
  almanac_exec_tell_t: 'almanac_executions',
  almanac_event_new_t: 'almanac_events',
  almanac_event_due_t: 'almanac_events',
} as const

/** The channel of the tables in a schema, as an SQL expression; a name ends at 63 bytes. */
export const channelSql = (schema: string) => `('almanac_work_' || ${schema})::name::text`

/**
 * A transaction that notifies commits alone, one after the other in the whole
 * server. So the triggers run at the commit, and of those that commit at once
 * only one notifies: whoever it wakes looks again at once and then at short
 * intervals, and finds the others.
 */
const FUNCTION = `create or replace function almanac_tell() returns trigger language plpgsql as $$
begin
  if pg_try_advisory_xact_lock(hashtext('almanac_work'), hashtext(tg_relid::text)) then
    perform pg_notify(${channelSql('tg_table_schema')}, tg_argv[0]);
  end if;
  return null;
end
$$`

const HAS_SLOT = `new.status = 'active' and new.next_run_at is not null`

const DROPS = Object.entries(NOTIFY_TRIGGERS).map(
  ([name, table]) => `drop trigger if exists ${name} on ${table}`
)

/** The statements that let PostgreSQL notify, or stop it; either may be run again. */
export function notifyStatements(on: boolean): string[] {
  return on ? [FUNCTION, ...DROPS, ...TRIGGERS] : [...DROPS, DROP_FUNCTION]
}

/** Goes with the tables: triggers need no dropping then, their function does. */
export const DROP_FUNCTION = 'drop function if exists almanac_tell()'

const TRIGGERS = [
  trigger('almanac_exec_tell_t', TOLD.work, 'insert or update of state', `new.state = 'queued'`),
  trigger('almanac_event_new_t', TOLD.events, 'insert', HAS_SLOT),
  // Firing moves the slot on, which is nothing to wake up for
  trigger(
    'almanac_event_due_t',
    TOLD.events,
    'update of next_run_at, status',
    `${HAS_SLOT} and (old.status <> new.status or old.next_run_at is null or new.next_run_at < old.next_run_at)`
  ),
]

function trigger(
  name: keyof typeof NOTIFY_TRIGGERS,
  told: string,
  after: string,
  when: string
): string {
  return (
    `create constraint trigger ${name} after ${after} on ${NOTIFY_TRIGGERS[name]} ` +
    `deferrable initially deferred for each row when (${when}) execute function almanac_tell('${told}')`
  )
}
