#!/usr/bin/python3
"""bridge50: many bridges at once.

  bridge50.py OUTDIR N TOTAL ROUNDS IDLE NAME1 CMD1 [NAME2 CMD2 ...]

OUTDIR/pty0... are the ttys.  CMD is split as a shell would and gets, in braces:
pairs (PORT TTY PORT TTY ...) or ser2net:KIND or moonrig:SCHEME (a configuration for
all N) for one process; port and tty: a process is started for each.
For each contestant in turn: the CPU of IDLE seconds with N open connections, the
memory then, and TOTAL queries over the N connections (rate, CPU of the bridges).
The first contestant is the limit; ratios are taken round by round, their median is
shown, above 1 is better than the limit.  Empty commands are skipped.
"""
import os, re, shlex, signal, socket, subprocess, sys, time
from statistics import median

out, n, total, rounds, idle = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
contestants = [c for c in zip(sys.argv[6::2], sys.argv[7::2]) if c[1].strip()]
ttys = [os.path.realpath('%s/pty%d' % (out, i)) for i in range(n)]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))    # so that the bridges are ended
pin = ['taskset', '-c', os.environ.get('CPU', '0')]


def reserve():
    """N ports chosen by the kernel; nobody else gets them while the sockets are there."""
    held = []
    for _ in range(n):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', 0))
        held.append(s)
    return held, [s.getsockname()[1] for s in held]


def listening():
    with open('/proc/net/tcp') as f:
        rows = [l.split() for l in f.readlines()[1:]]
    return {int(r[1].split(':')[1], 16) for r in rows if r[3] == '0A'}


def config(kind, arg, pairs):
    name = '%s/bridge50.%s' % (out, kind)
    with open(name, 'w') as f:
        if kind == 'ser2net':
            f.write(subprocess.check_output(['./ser2net_conf.sh', arg, 'false', 'tcp(nodelay)'] + pairs).decode())
        else:
            f.write('return {\n')
            for i, (port, tty) in enumerate(zip(pairs[::2], pairs[1::2])):
                f.write('  { name = "b%d", port = "%s", listen = { "%s://127.0.0.1:%s" } },\n' % (i, tty, arg, port))
            f.write('}\n')
    return name


def commands(cmd, ports):
    if '{tty}' in cmd:
        return [shlex.split(cmd.format(port=p, tty=t)) for p, t in zip(ports, ttys)]
    pairs = [str(x) for p, t in zip(ports, ttys) for x in (p, t)]
    cmd = re.sub(r'\{(ser2net|moonrig):(\w+)\}', lambda m: config(m[1], m[2], pairs), cmd)
    return [shlex.split(cmd.replace('{pairs}', ' '.join(pairs)))]


def cost(roots):
    """CPU in s, RSS and PSS in MiB, number of processes: of these and all their children"""
    kids = {}
    for d in filter(str.isdigit, os.listdir('/proc')):
        try:
            kids.setdefault(int(open('/proc/%s/stat' % d).read().rsplit(')', 1)[1].split()[1]), []).append(int(d))
        except OSError:
            pass
    todo, cpu, rss, pss, count = list(roots), 0, 0, 0, 0
    while todo:
        p = todo.pop()
        todo += kids.get(p, [])
        count += 1
        for t in os.listdir('/proc/%d/task' % p):
            cpu += int(open('/proc/%d/task/%s/schedstat' % (p, t)).read().split()[0])
        kib = dict(re.findall(r'^(Rss|Pss): +(\d+)', open('/proc/%d/smaps_rollup' % p).read(), re.M))
        rss, pss = rss + int(kib['Rss']), pss + int(kib['Pss'])
    return cpu / 1e9, rss / 1024, pss / 1024, count


def connect(ports):
    cs = []
    for p in ports:                  # one query each: the way is open
        c = socket.create_connection(('127.0.0.1', p))
        c.settimeout(10)
        c.sendall(b'*IDN?\n')
        got = b''
        while b'EXAMPLE' not in got or not got.endswith(b'\n'):
            d = c.recv(4096)
            if not d:
                raise EOFError('port %d closed' % p)
            got += d
        cs.append(c)
    return cs


def once(cmd):
    held, ports = reserve()
    ps, log = [], open(out + '/bg.log', 'a')
    try:
        for c in commands(cmd, ports):
            ps.append(subprocess.Popen(pin + c, stdout=log, stderr=log))
        end = time.time() + 30
        while not listening().issuperset(ports):
            if time.time() > end or any(p.poll() is not None for p in ps):
                raise OSError('does not listen, see %s/bg.log' % out)
            time.sleep(0.05)
        while held:
            held.pop().close()
        cs = connect(ports)
        pids = [p.pid for p in ps]
        time.sleep(0.5)
        a, start = cost(pids), time.time()
        time.sleep(idle)
        b, took = cost(pids), time.time() - start
        for c in cs:
            c.close()
        time.sleep(1)                # until the bridges have seen it
        target = '127.0.0.1:' + ','.join(map(str, ports))
        before = cost(pids)
        r = subprocess.Popen(['timeout', '90'] + pin + ['./bin/cl', 'fanq', target, str(n), str(total)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ, HOLD='1'))
        rate = r.stdout.readline()
        after = cost(pids)           # the connections, and what was forked for them, still live
        r.communicate()
        return dict(rate=float(rate), cpu=(after[0] - before[0]) * 1e6 / total, idle=(b[0] - a[0]) * 1000 / took,
                    rss=b[1], pss=b[2], procs=b[3])
    finally:
        for s in held:
            s.close()
        for p in ps:
            p.terminate()
        for p in ps:
            try:
                p.wait(3)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        log.close()


res, dead = {name: [] for name, _ in contestants}, {}
for r in range(rounds):
    for name, cmd in contestants:
        if name not in dead:
            try:
                res[name].append(once(cmd))
            except Exception as e:
                dead[name] = repr(e)[:200]
print('### %d bridges at once' % n)
print('| contestant | queries/s | ratio to limit | CPU us/query | ratio to limit | idle CPU ms/s | RSS MiB | PSS MiB | processes |')
print('|---|' + '---:|' * 8)
lim = res[contestants[0][0]]
for name, _ in contestants:
    if name in dead:
        print('| %s | failed: %s | | | | | | | |' % (name, dead[name]))
        continue
    m = {k: median(x[k] for x in res[name]) for k in res[name][0]}
    ratio = median(x['rate'] / l['rate'] for x, l in zip(res[name], lim)) if lim else float('nan')
    less = median(l['cpu'] / x['cpu'] for x, l in zip(res[name], lim)) if lim else float('nan')
    print('| %s | %.0f | %.2f | %.1f | %.2f | %.2f | %.1f | %.1f | %d |' %
          (name, m['rate'], ratio, m['cpu'], less, m['idle'], m['rss'], m['pss'], m['procs']))
print(flush=True)
