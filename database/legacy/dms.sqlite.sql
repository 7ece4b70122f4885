-- The tables of the legacy scheduler, preset "dms", for SQLite.
--
-- Reference for demos, tests, and an owner who lacks a table (often DMS_PRCREQ,
-- the request queue). Almanac itself never runs DDL on a legacy schema.
-- Lengths are checked in bytes, as the original database counts them.
-- Dates are wall-clock texts, 'yyyy-MM-dd HH:mm:ss[.SSS]', of the zone that
-- config/almanac.ts names for the source.

-- One row per version of a schedule; the current one has CURFLG = 'Y'.
create table DMS_JOBSCH (
  JOBSCHID      number(12) not null primary key,
  JOBFLWID      number(12),
  MAPREF        varchar2(100) check (length(cast(MAPREF as blob)) <= 100),
  FRQCD         varchar2(3) check (length(FRQCD) <= 3),
  FRQDD         varchar2(3) check (length(FRQDD) <= 3),
  FRQHH         number(2),
  FRQMI         number(3),
  STRTDT        date,
  ENDDT         date,
  STFLG         char(1) check (length(STFLG) <= 1),
  CURFLG        char(1) check (length(CURFLG) <= 1),
  DPND_JOBSCHID number(12),
  RECCRDT       date,
  RECUPDT       date,
  SCHFLG        char(1) check (length(SCHFLG) <= 1),
  LST_RUN_DT    timestamp,
  NXT_RUN_DT    timestamp
);
create index DMS_JOBSCH_MAPREF on DMS_JOBSCH (MAPREF);
create index DMS_JOBSCH_PARENT on DMS_JOBSCH (DPND_JOBSCHID);

-- The request queue: other programs insert rows and poll STATUS.
create table DMS_PRCREQ (
  REQUEST_ID     varchar2(64) not null primary key check (length(cast(REQUEST_ID as blob)) <= 64),
  MAPREF         varchar2(100) not null check (length(cast(MAPREF as blob)) <= 100),
  REQUEST_TYPE   varchar2(30) not null check (length(cast(REQUEST_TYPE as blob)) <= 30),
  PAYLOAD        clob,
  STATUS         varchar2(20) not null default 'NEW' check (length(cast(STATUS as blob)) <= 20),
  REQUESTED_AT   timestamp default (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  CLAIMED_AT     timestamp,
  CLAIMED_BY     varchar2(64) check (length(cast(CLAIMED_BY as blob)) <= 64),
  COMPLETED_AT   timestamp,
  RESULT_PAYLOAD clob
);
create index DMS_PRCREQ_STATUS on DMS_PRCREQ (STATUS, REQUESTED_AT);
create index DMS_PRCREQ_MAPREF on DMS_PRCREQ (MAPREF);

-- What runs for a MAPREF: the row with CURFLG = 'Y' and STFLG = 'A'.
create table DMS_JOBFLW (
  JOBFLWID number(12) not null primary key,
  JOBID    number(12),
  MAPREF   varchar2(100) check (length(cast(MAPREF as blob)) <= 100),
  TRGSCHM  varchar2(30),
  TRGTBTYP varchar2(10),
  TRGTBNM  varchar2(30),
  DWLOGIC  clob,
  STFLG    char(1) check (length(STFLG) <= 1),
  RECRDT   date,
  RECUPDT  date,
  CURFLG   char(1) check (length(CURFLG) <= 1)
);
create index DMS_JOBFLW_MAPREF on DMS_JOBFLW (MAPREF);

-- The mappings and the jobs made of them: where a flow's rows go,
-- and how a run that failed goes on (CHKPNTSTRTGY: AUTO, KEY, PYTHON, NONE).
create table DMS_MAPR (
  MAPREF       varchar2(100) not null primary key,
  TRGSCHM      varchar2(30),
  TRGTBNM      varchar2(30),
  CHKPNTSTRTGY varchar2(10),
  CHKPNTCLNM   varchar2(250),
  CHKPNTENBLD  char(1)
);
create table DMS_JOB (
  JOBID   number(12) not null primary key,
  MAPREF  varchar2(100),
  TRGSCHM varchar2(30),
  TRGTBNM varchar2(30),
  STFLG   char(1),
  CURFLG  char(1)
);

-- Stored SELECTs by code; the current one has CURFLG = 'Y'.
create table DMS_MAPRSQL (
  MAPRSQLCD varchar2(100) not null,
  MAPRSQL   clob,
  CURFLG      char(1)
);

-- One row per run. STATUS: IP in progress, PC complete, FL failed, ST stopped.
create table DMS_PRCLOG (
  PRCID     number(12) not null primary key,
  JOBID     number(12),
  JOBFLWID  number(12),
  STRTDT    timestamp,
  ENDDT     timestamp,
  STATUS    varchar2(2) check (length(STATUS) <= 2),
  RECCRDT   date,
  RECUPDT   date,
  MSG       varchar2(400) check (length(cast(MSG as blob)) <= 400),
  PRCLOG    varchar2(4000) check (length(cast(PRCLOG as blob)) <= 4000),
  SESSIONID number(30),
  MAPREF    varchar2(100) check (length(cast(MAPREF as blob)) <= 100),
  PARAM1    varchar2(250) check (length(cast(PARAM1 as blob)) <= 250),
  PARAM2    varchar2(250) check (length(cast(PARAM2 as blob)) <= 250),
  PARAM3    varchar2(250) check (length(cast(PARAM3 as blob)) <= 250),
  PARAM4    varchar2(250) check (length(cast(PARAM4 as blob)) <= 250),
  PARAM5    varchar2(250) check (length(cast(PARAM5 as blob)) <= 250),
  PARAM6    varchar2(250) check (length(cast(PARAM6 as blob)) <= 250),
  PARAM7    varchar2(250) check (length(cast(PARAM7 as blob)) <= 250),
  PARAM8    varchar2(250) check (length(cast(PARAM8 as blob)) <= 250),
  PARAM9    varchar2(250) check (length(cast(PARAM9 as blob)) <= 250),
  PARAM10   varchar2(250) check (length(cast(PARAM10 as blob)) <= 250),
  SRCROWS   number(10),
  TRGROWS   number(10)
);
create index DMS_PRCLOG_STATUS on DMS_PRCLOG (STATUS, MAPREF);

-- Row counts of a run.
create table DMS_JOBLOG (
  JOBLOGID  number(12) not null primary key,
  PRCDT     date,
  JOBID     number(12),
  MAPREF    varchar2(100) check (length(cast(MAPREF as blob)) <= 100),
  SRCROWS   number(10),
  TRGROWS   number(10),
  ERRROWS   number(10),
  RECCRDT   date,
  PRCID     number(12),
  SESSIONID number(30)
);
create index DMS_JOBLOG_PRCID on DMS_JOBLOG (PRCID);

-- Errors of a run.
create table DMS_JOBERR (
  JOBLOGID  number(12) not null,
  ERRID     number(12) not null,
  PRCDT     date,
  JOBID     number(12),
  MAPREF    varchar2(100) check (length(cast(MAPREF as blob)) <= 100),
  ERRTYP    varchar2(10) check (length(cast(ERRTYP as blob)) <= 10),
  DBERRMSG  varchar2(4000) check (length(cast(DBERRMSG as blob)) <= 4000),
  ERRMSG    varchar2(400) check (length(cast(ERRMSG as blob)) <= 400),
  KEYVALUE  varchar2(400) check (length(cast(KEYVALUE as blob)) <= 400),
  RECCRDT   date,
  PRCID     number(12),
  SESSIONID number(30),
  primary key (JOBLOGID, ERRID)
);
create index DMS_JOBERR_PRCID on DMS_JOBERR (PRCID);

-- Settings, such as the default first day of a history load.
create table DMS_PARAMS (
  PRTYP  varchar2(30) not null,
  PRCD   varchar2(30) not null,
  PRDESC varchar2(250),
  PRVAL  varchar2(1000),
  primary key (PRTYP, PRCD)
);

-- Ids, reserved in blocks: CURRENT_VALUE is the last one given out. On an
-- installation that has rows already, set it to the highest id in use.
create table DMS_IDPOOL (
  ENTITY_NAME   varchar2(30) not null primary key,
  CURRENT_VALUE number(18) not null,
  BLOCK_SIZE    number(9) not null default 500
);
insert into DMS_IDPOOL (ENTITY_NAME, CURRENT_VALUE) values
  ('DMS_JOBSCHSEQ', 0),
  ('DMS_PRCLOGSEQ', 0),
  ('DMS_JOBLOGSEQ', 0),
  ('DMS_JOBERRSEQ', 0);
