-- The tables of the legacy scheduler, preset "dms", for MySQL and MariaDB.
--
-- Reference for demos, tests, and an owner who lacks a table (often DMS_PRCREQ,
-- the request queue). Almanac itself never runs DDL on a legacy schema.
-- The database wants utf8mb4 and a binary collation (utf8mb4_bin): a MAPREF in
-- other letters is another MAPREF, as on the original database.
-- Dates are the wall clock of the zone that config/almanac.ts names for the
-- source, so their columns have no time zone of their own.

-- One row per version of a schedule; the current one has CURFLG = 'Y'.
create table DMS_JOBSCH (
  JOBSCHID      bigint not null primary key,
  JOBFLWID      bigint,
  MAPREF        varchar(100),
  FRQCD         varchar(3),
  FRQDD         varchar(3),
  FRQHH         smallint,
  FRQMI         smallint,
  STRTDT        datetime,
  ENDDT         datetime,
  STFLG         char(1),
  CURFLG        char(1),
  DPND_JOBSCHID bigint,
  RECCRDT       datetime,
  RECUPDT       datetime,
  SCHFLG        char(1),
  LST_RUN_DT    datetime(3),
  NXT_RUN_DT    datetime(3)
);
create index DMS_JOBSCH_MAPREF on DMS_JOBSCH (MAPREF);
create index DMS_JOBSCH_PARENT on DMS_JOBSCH (DPND_JOBSCHID);

-- The request queue: other programs insert rows and poll STATUS.
create table DMS_PRCREQ (
  REQUEST_ID     varchar(64) not null primary key,
  MAPREF         varchar(100) not null,
  REQUEST_TYPE   varchar(30) not null,
  PAYLOAD        longtext,
  STATUS         varchar(20) not null default 'NEW',
  REQUESTED_AT   datetime(3) default (utc_timestamp(3)),
  CLAIMED_AT     datetime(3),
  CLAIMED_BY     varchar(64),
  COMPLETED_AT   datetime(3),
  RESULT_PAYLOAD longtext
);
create index DMS_PRCREQ_STATUS on DMS_PRCREQ (STATUS, REQUESTED_AT);
create index DMS_PRCREQ_MAPREF on DMS_PRCREQ (MAPREF);

-- What runs for a MAPREF: the row with CURFLG = 'Y' and STFLG = 'A'.
create table DMS_JOBFLW (
  JOBFLWID bigint not null primary key,
  JOBID    bigint,
  MAPREF   varchar(100),
  TRGSCHM  varchar(30),
  TRGTBTYP varchar(10),
  TRGTBNM  varchar(30),
  DWLOGIC  longtext,
  STFLG    char(1),
  RECRDT   datetime,
  RECUPDT  datetime,
  CURFLG   char(1)
);
create index DMS_JOBFLW_MAPREF on DMS_JOBFLW (MAPREF);

-- The mappings and the jobs made of them: where a flow's rows go,
-- and how a run that failed goes on (CHKPNTSTRTGY: AUTO, KEY, PYTHON, NONE).
create table DMS_MAPR (
  MAPREF       varchar(100) not null primary key,
  TRGSCHM      varchar(30),
  TRGTBNM      varchar(30),
  CHKPNTSTRTGY varchar(10),
  CHKPNTCLNM   varchar(250),
  CHKPNTENBLD  char(1)
);
create table DMS_JOB (
  JOBID   bigint not null primary key,
  MAPREF  varchar(100),
  TRGSCHM varchar(30),
  TRGTBNM varchar(30),
  STFLG   char(1),
  CURFLG  char(1)
);

-- Stored SELECTs by code; the current one has CURFLG = 'Y'.
create table DMS_MAPRSQL (
  MAPRSQLCD varchar(100) not null,
  MAPRSQL   longtext,
  CURFLG      char(1)
);

-- One row per run. STATUS: IP in progress, PC complete, FL failed, ST stopped.
create table DMS_PRCLOG (
  PRCID     bigint not null primary key,
  JOBID     bigint,
  JOBFLWID  bigint,
  STRTDT    datetime(3),
  ENDDT     datetime(3),
  STATUS    varchar(2),
  RECCRDT   datetime,
  RECUPDT   datetime,
  MSG       varchar(400),
  PRCLOG    varchar(4000),
  SESSIONID decimal(30),
  MAPREF    varchar(100),
  PARAM1    varchar(250),
  PARAM2    varchar(250),
  PARAM3    varchar(250),
  PARAM4    varchar(250),
  PARAM5    varchar(250),
  PARAM6    varchar(250),
  PARAM7    varchar(250),
  PARAM8    varchar(250),
  PARAM9    varchar(250),
  PARAM10   varchar(250),
  SRCROWS   bigint,
  TRGROWS   bigint
);
create index DMS_PRCLOG_STATUS on DMS_PRCLOG (STATUS, MAPREF);

-- Row counts of a run.
create table DMS_JOBLOG (
  JOBLOGID  bigint not null primary key,
  PRCDT     datetime,
  JOBID     bigint,
  MAPREF    varchar(100),
  SRCROWS   bigint,
  TRGROWS   bigint,
  ERRROWS   bigint,
  RECCRDT   datetime,
  PRCID     bigint,
  SESSIONID decimal(30)
);
create index DMS_JOBLOG_PRCID on DMS_JOBLOG (PRCID);

-- Errors of a run.
create table DMS_JOBERR (
  JOBLOGID  bigint not null,
  ERRID     bigint not null,
  PRCDT     datetime,
  JOBID     bigint,
  MAPREF    varchar(100),
  ERRTYP    varchar(10),
  DBERRMSG  varchar(4000),
  ERRMSG    varchar(400),
  KEYVALUE  varchar(400),
  RECCRDT   datetime,
  PRCID     bigint,
  SESSIONID decimal(30),
  primary key (JOBLOGID, ERRID)
);
create index DMS_JOBERR_PRCID on DMS_JOBERR (PRCID);

-- Settings, such as the default first day of a history load.
create table DMS_PARAMS (
  PRTYP  varchar(30) not null,
  PRCD   varchar(30) not null,
  PRDESC varchar(250),
  PRVAL  varchar(1000),
  primary key (PRTYP, PRCD)
);

-- Ids, reserved in blocks: CURRENT_VALUE is the last one given out. On an
-- installation that has rows already, set it to the highest id in use.
create table DMS_IDPOOL (
  ENTITY_NAME   varchar(30) not null primary key,
  CURRENT_VALUE bigint not null,
  BLOCK_SIZE    bigint not null default 500
);
insert into DMS_IDPOOL (ENTITY_NAME, CURRENT_VALUE) values
  ('DMS_JOBSCHSEQ', 0),
  ('DMS_PRCLOGSEQ', 0),
  ('DMS_JOBLOGSEQ', 0),
  ('DMS_JOBERRSEQ', 0);
