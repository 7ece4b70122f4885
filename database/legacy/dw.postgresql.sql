-- The tables of the legacy scheduler, preset "dw", for PostgreSQL.
--
-- Reference for demos, tests, and an owner who lacks a table (often DWPRCREQ,
-- the request queue). Almanac itself never runs DDL on a legacy schema.
-- Names are written without quotes; Almanac finds them quoted as well.
-- Dates are the wall clock of the zone that config/almanac.ts names for the
-- source, so their columns have no time zone of their own.

-- One row per version of a schedule; the current one has CURFLG = 'Y'.
create table DWJOBSCH (
  JOBSCHID      bigint not null primary key,
  JOBFLWID      bigint,
  MAPREF        varchar(100),
  FRQCD         varchar(3),
  FRQDD         varchar(3),
  FRQHH         varchar(2),
  FRQMI         varchar(2),
  STRTDT        timestamp(0),
  ENDDT         timestamp(0),
  STFLG         char(1),
  CURFLG        char(1),
  DPND_JOBSCHID bigint,
  RECCRDT       timestamp(0),
  RECUPDT       timestamp(0),
  SCHFLG        char(1),
  LST_RUN_DT    timestamp,
  NXT_RUN_DT    timestamp
);
create index DWJOBSCH_MAPREF on DWJOBSCH (MAPREF);
create index DWJOBSCH_PARENT on DWJOBSCH (DPND_JOBSCHID);

-- The request queue: other programs insert rows and poll STATUS.
create table DWPRCREQ (
  REQUEST_ID     varchar(64) not null primary key,
  MAPREF         varchar(100) not null,
  REQUEST_TYPE   varchar(30) not null,
  PAYLOAD        text,
  STATUS         varchar(20) not null default 'NEW',
  REQUESTED_AT   timestamp default (clock_timestamp() at time zone 'UTC'),
  CLAIMED_AT     timestamp,
  CLAIMED_BY     varchar(64),
  COMPLETED_AT   timestamp,
  RESULT_PAYLOAD text
);
create index DWPRCREQ_STATUS on DWPRCREQ (STATUS, REQUESTED_AT);
create index DWPRCREQ_MAPREF on DWPRCREQ (MAPREF);

-- What runs for a MAPREF: the row with CURFLG = 'Y' and STFLG = 'A'.
create table DWJOBFLW (
  JOBFLWID bigint not null primary key,
  JOBID    bigint,
  MAPREF   varchar(100),
  TRGSCHM  varchar(30),
  TRGTBTYP varchar(10),
  TRGTBNM  varchar(30),
  DWLOGIC  text,
  STFLG    char(1),
  RECRDT   timestamp(0),
  RECUPDT  timestamp(0),
  CURFLG   char(1)
);
create index DWJOBFLW_MAPREF on DWJOBFLW (MAPREF);

-- The mappings and the jobs made of them: where a flow's rows go.
create table DWMAPR (
  MAPREF  varchar(100) not null primary key,
  TRGSCHM varchar(30),
  TRGTBNM varchar(30)
);
create table DWJOB (
  JOBID   bigint not null primary key,
  MAPREF  varchar(100),
  TRGSCHM varchar(30),
  TRGTBNM varchar(30),
  STFLG   char(1),
  CURFLG  char(1)
);

-- Stored SELECTs by code; the current one has CURFLG = 'Y'.
create table DWMAPRSQL (
  DWMAPRSQLCD varchar(100) not null,
  DWMAPRSQL   text,
  CURFLG      char(1)
);

-- One row per run. STATUS: IP in progress, PC complete, FL failed, ST stopped.
create table DWPRCLOG (
  PRCID     bigint not null primary key,
  JOBID     bigint,
  JOBFLWID  bigint,
  STRTDT    timestamp,
  ENDDT     timestamp,
  STATUS    varchar(2),
  RECCRDT   timestamp(0),
  RECUPDT   timestamp(0),
  MSG       varchar(400),
  PRCLOG    varchar(4000),
  SESSIONID numeric(30),
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
create index DWPRCLOG_STATUS on DWPRCLOG (STATUS, MAPREF);

-- Row counts of a run.
create table DWJOBLOG (
  JOBLOGID  bigint not null primary key,
  PRCDT     timestamp(0),
  JOBID     bigint,
  MAPREF    varchar(100),
  SRCROWS   bigint,
  TRGROWS   bigint,
  ERRROWS   bigint,
  RECCRDT   timestamp(0),
  PRCID     bigint,
  SESSIONID numeric(30)
);
create index DWJOBLOG_PRCID on DWJOBLOG (PRCID);

-- Errors of a run.
create table DWJOBERR (
  JOBLOGID  bigint not null,
  ERRID     bigint not null,
  PRCDT     timestamp(0),
  JOBID     bigint,
  MAPREF    varchar(100),
  ERRTYP    varchar(10),
  DBERRMSG  varchar(4000),
  ERRMSG    varchar(400),
  KEYVALUE  varchar(400),
  RECCRDT   timestamp(0),
  PRCID     bigint,
  SESSIONID numeric(30),
  primary key (JOBLOGID, ERRID)
);
create index DWJOBERR_PRCID on DWJOBERR (PRCID);

-- Settings, such as the default first day of a history load.
create table DWPARAMS (
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
  ('DWJOBSCHSEQ', 0),
  ('DWPRCLOGSEQ', 0),
  ('DWJOBLOGSEQ', 0),
  ('DWJOBERRSEQ', 0);
