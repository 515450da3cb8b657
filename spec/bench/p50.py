#!/usr/bin/python3
"""p50.py FILE: the median latency in the best round, out of what alt.py --json wrote.  With a pty in the way
most of a median over the rounds is where the kernel's worker ran."""
import json, sys
j = json.load(open(sys.argv[1]))
p50 = {name: float(r['best_round']['p50us']) for name, r in j.items()}
print('| contestant | p50 us | times the limit |\n|---|---:|---:|')
for name, v in p50.items():
    print('| %s | %.1f | %.2f |' % (name, v, v / next(iter(p50.values()))))
print(flush=True)
