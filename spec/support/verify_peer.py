"""Runs docs/verify.py again and again, so that Python starts once: a line of arguments comes in; what it printed goes out,
then a line "exit CODE"."""
import contextlib, gc, io, shlex, sys

code = compile(open("docs/verify.py").read(), "docs/verify.py", "exec")
for line in sys.stdin:
    sys.argv = ["verify.py", *shlex.split(line)]
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            exec(code, {"__name__": "__main__"})
        except SystemExit as e:
            status = e.code or 0
        out.flush()
    gc.collect()  # closes its database
    sys.stdout.buffer.write(out.buffer.getvalue() + b"exit %d\n" % status)
    sys.stdout.flush()
