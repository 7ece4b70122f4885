/**
 * The rows of the flow table, as the owners of the old scheduler wrote them:
 * plain SQL that loads one target. Every flow leaves a row in run_ledger in
 * the same transaction, so that a check can count what took effect.
 */
export interface Flow {
  mapref: string
  target: string
  logic: string
}

const ledger = (note = 'null') =>
  `insert into run_ledger (prcid, mapref, note) values (:prcid, :mapref, ${note});`

export const FLOWS: Flow[] = [
  {
    mapref: 'DIM_CUSTOMER',
    target: 'dim_customer',
    logic: `
-- new customers are added, known ones brought up to date
insert into dim_customer (customer_no, name, city, segment, loaded_by)
select customer_no, name, city, segment, :prcid from stg_customers where true
on conflict (customer_no) do update
set name = excluded.name, city = excluded.city, segment = excluded.segment, loaded_by = excluded.loaded_by;
${ledger()}`,
  },
  {
    mapref: 'DIM_PRODUCT',
    target: 'dim_product',
    logic: `
insert into dim_product (product_no, name, category, list_price_cents, loaded_by)
select product_no, name, category, list_price_cents, :prcid from stg_products where true
on conflict (product_no) do update
set name = excluded.name, list_price_cents = excluded.list_price_cents, loaded_by = excluded.loaded_by;
${ledger()}`,
  },
  {
    mapref: 'DIM_STORE',
    target: 'dim_store',
    logic: `
insert into dim_store (store_no, city, opened_on, loaded_by)
select store_no, city, opened_on, :prcid from stg_stores where true
on conflict (store_no) do update set city = excluded.city, loaded_by = excluded.loaded_by;
${ledger()}`,
  },
  {
    mapref: 'DIM_DATE',
    target: 'dim_date',
    logic: `
insert into dim_date (date_key, year, month, weekday)
with recursive days (day) as (
  select '2026-01-01' union all select date(day, '+1 day') from days where day < '2026-12-31'
)
select day, cast(strftime('%Y', day) as integer), cast(strftime('%m', day) as integer), cast(strftime('%w', day) as integer)
from days where true
on conflict (date_key) do nothing;
${ledger()}`,
  },
  {
    mapref: 'FACT_SALES',
    target: 'fact_sales',
    logic: `
/* :param1 is the day to load; without it all days are loaded */
delete from fact_sales where :param1 is null or sale_date = :param1;
insert into fact_sales (sale_no, sale_date, customer_no, product_no, store_no, quantity, amount_cents, loaded_by)
select sale_no, sale_date, customer_no, product_no, store_no, quantity, amount_cents, :prcid
from stg_sales where :param1 is null or sale_date = :param1;
${ledger(':param1')}`,
  },
  {
    mapref: 'FACT_RETURNS',
    target: 'fact_returns',
    logic: `
insert into fact_returns (return_no, sale_no, return_date, quantity, loaded_by)
select return_no, sale_no, return_date, quantity, :prcid from stg_returns where true
on conflict (return_no) do update set loaded_by = excluded.loaded_by;
${ledger()}`,
  },
  {
    mapref: 'AGG_DAILY',
    target: 'agg_daily_sales',
    logic: `
delete from agg_daily_sales;
insert into agg_daily_sales select sale_date, count(*), sum(amount_cents) from fact_sales group by sale_date;
${ledger()}`,
  },
  {
    mapref: 'AGG_STORES',
    target: 'agg_store_sales',
    logic: `
delete from agg_store_sales;
insert into agg_store_sales select store_no, count(*), sum(amount_cents) from fact_sales group by store_no;
${ledger()}`,
  },
  {
    mapref: 'EXPORT_SALES',
    target: 'sales.csv',
    logic: '-- done by a handler of the app: app/handlers/export_sales.ts',
  },
  {
    mapref: 'BROKEN_LOAD',
    target: 'fact_stock',
    logic: `
${ledger(`'must not stay: the next statement fails'`)}
insert into fact_stock select * from stg_stock;`,
  },
  {
    mapref: 'OLD_PYTHON',
    target: 'fact_weather',
    logic: `def execute_job(connection, session_params):
    return {"status": "SUCCESS"}`,
  },
]
