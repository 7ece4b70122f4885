-- The warehouse of a small shop chain: staging as an upstream system fills it,
-- dimensions and facts as the flows of the old scheduler load them.

create table stg_customers (
  customer_no integer not null, name text not null, city text not null, segment text not null
);
create table stg_products (
  product_no integer not null, name text not null, category text not null, list_price_cents integer not null
);
create table stg_stores (store_no integer not null, city text not null, opened_on text not null);
create table stg_sales (
  sale_no integer not null, sale_date text not null, customer_no integer not null,
  product_no integer not null, store_no integer not null, quantity integer not null, amount_cents integer not null
);
create table stg_returns (
  return_no integer not null, sale_no integer not null, return_date text not null, quantity integer not null
);

create table dim_customer (
  customer_no integer primary key, name text not null, city text not null, segment text not null, loaded_by integer not null
);
create table dim_product (
  product_no integer primary key, name text not null, category text not null, list_price_cents integer not null, loaded_by integer not null
);
create table dim_store (store_no integer primary key, city text not null, opened_on text not null, loaded_by integer not null);
create table dim_date (date_key text primary key, year integer not null, month integer not null, weekday integer not null);
create table fact_sales (
  sale_no integer primary key, sale_date text not null, customer_no integer not null,
  product_no integer not null, store_no integer not null, quantity integer not null, amount_cents integer not null, loaded_by integer not null
);
create table fact_returns (
  return_no integer primary key, sale_no integer not null, return_date text not null, quantity integer not null, loaded_by integer not null
);
create table agg_daily_sales (sale_date text primary key, sales integer not null, amount_cents integer not null);
create table agg_store_sales (store_no integer primary key, sales integer not null, amount_cents integer not null);

-- One row per run that took effect: written by the flows, in the transaction of the run.
create table run_ledger (prcid integer not null, mapref text not null, note text, at text not null default current_timestamp);
