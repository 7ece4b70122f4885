"""A program beside Almanac, as those that have always used the tables: nothing
but Python's standard library, a database driver, and SQL. It prints what it
saw, one JSON object a line.

    client.py <connection string>
"""

import csv
import datetime
import json
import sys
import time
import uuid

import psycopg2
import psycopg2.extras

# Between two looks at a row, and until the program gives up, seconds
PAUSE = 0.05
PATIENCE = 60


class Warehouse:
    def __init__(self, dsn):
        self.connection = psycopg2.connect(dsn, cursor_factory=psycopg2.extras.RealDictCursor)
        self.connection.autocommit = True

    def rows(self, sql, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def one(self, sql, *values):
        found = self.rows(sql, *values)
        return found[0] if found else None

    def wait(self, what, sql, *values):
        """The first row of a statement, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            row = self.one(sql, *values)
            if row:
                return row
            time.sleep(PAUSE)
        raise TimeoutError(f"{what}: nothing within {PATIENCE} s")

    def ask(self, kind, mapref, payload=None, text=None):
        """Inserts a request, and answers with its id."""
        request = f"py-{uuid.uuid4().hex}"
        body = text if text is not None else json.dumps(payload) if payload is not None else None
        self.rows(
            "insert into dwprcreq (request_id, mapref, request_type, payload) values (%s, %s, %s, %s)",
            request, mapref, kind, body,
        )
        return request

    def end(self, request):
        """The request once it is DONE or FAILED, its result read."""
        row = self.wait(
            f"request {request}",
            "select * from dwprcreq where request_id = %s and status in ('DONE', 'FAILED')",
            request,
        )
        return row["status"], json.loads(row["result_payload"] or "{}")

    def next_id(self, entity):
        """An id of the pool, which other programs take from as well."""
        return self.one(
            """update dms_idpool set current_value = current_value + 1
               where entity_name = %s returning current_value""",
            entity,
        )["current_value"]

    def runs(self, mapref):
        return self.rows("select * from dwprclog where mapref = %s order by prcid", mapref)

    def schedule(self, mapref, code, day, hour, minute):
        """A new version of a schedule, current and enabled. Returns its id."""
        flow = self.one(
            "select jobflwid from dwjobflw where mapref = %s and curflg = 'Y' and stflg = 'A'", mapref
        )
        self.rows("update dwjobsch set curflg = 'N' where mapref = %s and curflg = 'Y'", mapref)
        today = datetime.datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
        jobschid = self.next_id("DWJOBSCHSEQ")
        self.rows(
            """insert into dwjobsch (jobschid, jobflwid, mapref, frqcd, frqdd, frqhh, frqmi,
                 strtdt, stflg, curflg, schflg, reccrdt, recupdt)
               values (%s, %s, %s, %s, %s, %s, %s, %s, 'A', 'Y', 'Y', now(), now())""",
            jobschid, flow["jobflwid"], mapref, code, day, hour, minute, today,
        )
        return jobschid


def schedules(warehouse):
    """Two schedules, one below the other; they are read when the program says so."""
    parent = warehouse.schedule("PARENT", "DL", None, "3", "30")
    child = warehouse.schedule("CHILD", "MN", "28", "4", "0")
    warehouse.rows("update dwjobsch set dpnd_jobschid = %s where jobschid = %s", parent, child)
    status, _ = warehouse.end(warehouse.ask("REFRESH_SCHEDULE", "ALL"))
    following = warehouse.wait(
        "the next run of the schedule",
        "select nxt_run_dt from dwjobsch where jobschid = %s and nxt_run_dt is not null", parent,
    )["nxt_run_dt"]
    return {"status": status, "next": following.strftime("%H:%M"), "distinct": parent != child}


def immediate(warehouse):
    """A run with parameters; its success runs what depends on it."""
    status, result = warehouse.end(
        warehouse.ask("IMMEDIATE", "PARENT", {"params": {"param1": "blue", "param2": 7}})
    )
    child = warehouse.wait(
        "the child's run", "select * from dwprclog where mapref = 'CHILD' and status = 'PC'"
    )
    run = warehouse.runs("PARENT")[0]
    ledger = warehouse.one("select count(*) as runs from ledger where mapref = 'PARENT'")
    return {
        "status": status,
        "run": run["status"],
        "params": [run["param1"], run["param2"]],
        "ended": run["enddt"] is not None,
        "ledger": ledger["runs"],
        "child": child["status"],
        "result": result,
    }


def history(warehouse):
    status, result = warehouse.end(
        warehouse.ask("HISTORY", "HISTORIC", {"start_date": "2026-02-27", "end_date": "2026-03-02"})
    )
    days = [run["param1"] for run in warehouse.runs("HISTORIC") if run["status"] == "PC"]
    return {"status": status, "days": days, "result": result}


def report(warehouse):
    status, result = warehouse.end(
        warehouse.ask("REPORT", "REPORT:LEDGER", {"reportId": "LEDGER", "parameters": {"mapref": "HISTORIC"}})
    )
    lines = []
    if status == "DONE":
        with open(result["path"], newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file))
    return {"status": status, "lines": lines, "result": result}


def stop(warehouse):
    """A run that would sleep for minutes ends when it is asked to."""
    endless = warehouse.ask("IMMEDIATE", "SLEEPER")
    warehouse.wait(
        "the sleeper's start", "select 1 from dwprclog where mapref = 'SLEEPER' and status = 'IP'"
    )
    began = time.monotonic()
    stopping = warehouse.end(warehouse.ask("STOP", "SLEEPER", {"force": "N"}))
    ended = warehouse.end(endless)
    run = warehouse.runs("SLEEPER")[-1]
    # Nothing runs any more: that is an answer, and no failure
    again = warehouse.end(warehouse.ask("STOP", "SLEEPER", {"force": "N"}))
    return {
        "stop": stopping[0],
        "stopped": ended[0],
        "run": run["status"],
        "message": run["msg"],
        "seconds": round(time.monotonic() - began, 1),
        "again": again[0],
        "reason": again[1],
    }


def upload(warehouse):
    status, result = warehouse.end(
        warehouse.ask("FILE_UPLOAD", "UPLOADS", {"file": "prices.csv", "rows": 3})
    )
    return {"status": status, "result": result}


def refusals(warehouse):
    """What cannot be read fails alone, and says why."""
    broken = warehouse.ask("IMMEDIATE", "PARENT", text='{"params": ')
    unknown = warehouse.ask("DANCE", "PARENT")
    nobody = warehouse.ask("IMMEDIATE", "NO_SUCH_MAPREF")
    good = warehouse.ask("IMMEDIATE", "PARENT")
    return {
        name: dict(zip(("status", "result"), warehouse.end(request)))
        for name, request in (
            ("broken", broken), ("unknown", unknown), ("nobody", nobody), ("good", good),
        )
    }


def main():
    warehouse = Warehouse(sys.argv[1])
    for step in (schedules, immediate, history, report, stop, upload, refusals):
        seen = step(warehouse)
        print(json.dumps({"step": step.__name__, **seen}, default=str), flush=True)


if __name__ == "__main__":
    main()
