"""Runs the execute_job of one flow in a process of its own.

Standard library only, Python 3.8 or newer. The host talks over descriptor 3,
one JSON object per line: it sends the job, answers calls, and is told how the
job ended. Standard output and error belong to the job.
"""

import asyncio
import errno
import importlib
import inspect
import json
import linecache
import os
import re
import sys
import threading
import traceback
import types

HOST = 3
MESSAGE = 2000
TRACEBACK = 6000
COUNTS = ("source_rows", "target_rows", "error_rows")
CODE = re.compile(r"[A-Za-z0-9_-]{2,40}")
#: Of PEP 249: what a driver says of a connection that was closed.
CLOSED = {"InterfaceError", "ProgrammingError"}
#: What execute_job is handed before session_params, by the number of its parameters.
ROLES = {2: ("connection",), 3: ("metadata", "target"), 4: ("metadata", "source", "target")}
SHAPES = (
    "execute_job(connection, session_params), execute_job(metadata, target, session_params) "
    "or execute_job(metadata, source, target, session_params)"
)


class Refused(Exception):
    """The flow cannot be run as it is, or its result cannot be used."""


class CheckpointError(Exception):
    """The position could not be read or stored."""


class Channel:
    """The line to the host. No process that the job starts inherits it."""

    def __init__(self, descriptor):
        self._reader = os.fdopen(os.dup(descriptor), "rb")
        self._writer = os.fdopen(os.dup(descriptor), "wb", buffering=0)
        os.close(descriptor)
        self._lock = threading.RLock()

    def send(self, message):
        rest = memoryview((json.dumps(message) + "\n").encode("ascii"))
        with self._lock:
            while rest:
                rest = rest[self._writer.write(rest) :]

    def receive(self):
        line = self._reader.readline()
        if not line:
            raise EOFError("the host is gone")
        return json.loads(line.decode("utf-8"))

    def call(self, verb, value=None):
        with self._lock:
            self.send({"type": "call", "verb": verb, "value": value})
            answer = self.receive()
        if answer.get("error") is not None:
            raise CheckpointError(answer["error"])
        return answer.get("value")


class Checkpoint:
    """The position of the work, kept in the row of the run."""

    def __init__(self, channel):
        self._channel = channel

    def load(self):
        """The last position of a run that did not complete; None to begin at the beginning."""
        return self._channel.call("load")

    def save(self, value):
        """Stores a key, a list of the parts of a key, or a number of rows."""
        self._channel.call("save", list(value) if isinstance(value, tuple) else value)

    def complete(self):
        """Says that there is nothing to go on with."""
        self._channel.call("complete")


class SessionParams(dict):
    """What the job is told of its run."""

    checkpoint = None


class Connections:
    """What the connection module opens for one run."""

    def __init__(self, module, session_params):
        self._name = module
        self._session_params = session_params
        self._open = []

    def open(self, role):
        try:
            module = importlib.import_module(self._name)
        except ModuleNotFoundError as error:
            if error.name != self._name.split(".")[0] and error.name != self._name:
                raise
            raise Refused(
                'the connection module "%s" is not found; put its folder into runners.python.path'
                % self._name
            )
        make = getattr(module, role, None)
        if not callable(make):
            raise Refused('the connection module "%s" has no function "%s"' % (self._name, role))
        connection = make(self._session_params)
        if connection is None:
            raise Refused('"%s" of the connection module "%s" gave None' % (role, self._name))
        if all(connection is not known for known in self._open):
            self._open.append(connection)
        return connection

    def commit(self):
        """Stores what the job left uncommitted. A connection that the job has closed is its own affair."""
        for connection in self._open:
            try:
                self._act(connection, "commit")
            except Exception as error:
                if not names_of(error) & CLOSED:
                    raise

    def end(self):
        """Takes back what was not committed, and closes; the job has failed or succeeded before."""
        for connection in self._open:
            for verb in ("rollback", "close"):
                try:
                    self._act(connection, verb)
                except Exception:  # One that is gone has nothing left to undo
                    pass

    @staticmethod
    def _act(connection, verb):
        act = getattr(connection, verb, None)
        if callable(act):
            act()


def roles_of(execute_job):
    """What to hand to the job, going by the parameters that it must be given."""
    required = []
    for parameter in inspect.signature(execute_job).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            raise Refused("execute_job takes any number of arguments; write %s" % SHAPES)
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            required.append(parameter)
    keywords = [each for each in required if each.kind is each.KEYWORD_ONLY]
    if keywords or len(required) not in ROLES:
        raise Refused("execute_job has %d parameters; write %s" % (len(required), SHAPES))
    return ROLES[len(required)]


def load(job):
    """The job's module. Its lines are known to tracebacks."""
    name, code = "<%s>" % job["mapref"], job["code"]
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    module = types.ModuleType("dwlogic")
    module.__file__ = name
    sys.modules["dwlogic"] = module
    exec(compile(code, name, "exec", dont_inherit=True), module.__dict__)
    execute_job = module.__dict__.get("execute_job")
    if not callable(execute_job):
        raise Refused("it defines no execute_job")
    return execute_job


def read(result, statuses):
    """The counts and the end of what the job returned."""
    if not isinstance(result, dict):
        raise Refused(
            "execute_job returned %s; return a dict with source_rows, target_rows, error_rows and status"
            % type(result).__name__
        )
    answer = {name: whole(name, result.get(name)) for name in COUNTS}
    status = str(result.get("status") or "success").strip().upper()
    if status not in statuses:
        known = ", ".join(sorted(statuses)).lower()
        raise Refused('execute_job returned status "%.60s"; return one of %s' % (status, known))
    answer["end"] = statuses[status]
    said = result.get("message") or result.get("error")
    answer["message"] = None if said is None else str(said)[:MESSAGE]
    return answer


def whole(name, value):
    if value is None:
        return None
    try:
        if isinstance(value, (bool, str, bytes)):
            raise TypeError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise Refused("execute_job returned %s = %.60r; give a whole number" % (name, value))


def run(job, channel):
    session_params = SessionParams(job["session_params"])
    session_params.checkpoint = Checkpoint(channel)
    connections = Connections(job["connections"], session_params)
    try:
        execute_job = load(job)
        given = [connections.open(role) for role in roles_of(execute_job)]
        result = execute_job(*given, session_params)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        answer = read(result, job["statuses"])
        if answer["end"] == "PC":
            connections.commit()
        return answer
    finally:
        connections.end()


def described(error):
    """An error as the host is told it, without the frames of this file."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    if isinstance(error, Refused):
        return {"type": "refused", "message": str(error)[:MESSAGE]}
    text = "".join(traceback.format_exception(type(error), error, frames))
    words = str(error)
    return {
        "type": "error",
        "message": ("%s: %s" % (type(error).__name__, words) if words else type(error).__name__)[:MESSAGE],
        "words": words[:MESSAGE],
        "traceback": text if len(text) <= TRACEBACK else "...\n" + text[-TRACEBACK:],
        "codes": [code for each in chain(error) for code in codes(each)],
    }


def chain(error):
    found = []
    while error is not None and len(found) < 5:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def codes(error):
    """The codes that database drivers give their errors, each in its own place."""
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return [errno.errorcode[error.errno]]
    if not names_of(error) & {"Error", "DatabaseError", "OperationalError", "InterfaceError"}:
        return []
    first = error.args[0] if error.args else None
    places = [getattr(error, name, None) for name in ("pgcode", "sqlstate", "errno", "sqlite_errorname")]
    places += [getattr(each, "full_code", None) for each in (error, first)] + [first]
    return [str(code) for code in places if code is not None and CODE.fullmatch(str(code))]


def names_of(error):
    return {each.__name__ for each in type(error).__mro__}


def main():
    channel = Channel(HOST)
    # The job imports what config names, not what lies beside this file
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    job = channel.receive()
    channel.send({"type": "ready"})
    sys.path[:0] = job["path"]
    try:
        answer = dict(run(job, channel), type="result")
    except BaseException as error:  # SystemExit as well: the run has an end whatever the job does
        answer = described(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    channel.send(answer)


if __name__ == "__main__":
    main()
