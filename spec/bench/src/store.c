/* store: the limit of the record: the same rows, in the same transactions, by SQLite's own C API.
 *   store DB N        N measurements of one phase, a commit for each: measurements/s
 *   store DB N PER    the same in phases of PER: a commit for the begin and the end of each, too
 * DB: a record with a run, made by ours/store.lua, so that tables, indexes and triggers are those of moonrig.
 * The connection is set as core/store/sqlite.c sets it.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3 *db;

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void must(int rc, int wanted)
{
	if (rc == wanted)
		return;
	fprintf(stderr, "store: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *s;
	must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL), SQLITE_OK);
	return s;
}

static void run(sqlite3_stmt *s)
{
	must(sqlite3_step(s), SQLITE_DONE);
	must(sqlite3_reset(s), SQLITE_OK);
}

static long long since(double start)
{
	return (long long)((seconds(CLOCK_MONOTONIC) - start) * 1e6);
}

static void text(sqlite3_stmt *s, int i, const char *value)
{
	sqlite3_bind_text(s, i, value, (int)strlen(value), SQLITE_STATIC);
}

static void measurement(sqlite3_stmt *s, int seq, int phase, double start, int n)
{
	char name[16];
	snprintf(name, sizeof name, "v_%02d", n);
	sqlite3_bind_int(s, 1, 1);
	sqlite3_bind_int(s, 2, seq);
	sqlite3_bind_int(s, 3, phase);
	sqlite3_bind_int64(s, 4, since(start));
	text(s, 5, name);
	text(s, 6, "float");
	sqlite3_bind_double(s, 7, n + 0.01 * (seq % 7));
	text(s, 9, "V");
	text(s, 10, "PASS");
	sqlite3_bind_int(s, 11, 0);
	sqlite3_bind_double(s, 12, n - 0.05);
	sqlite3_bind_double(s, 13, n + 0.1);
	run(s);
	sqlite3_clear_bindings(s);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int n = atoi(argv[2]), per = argc > 3 ? atoi(argv[3]) : n, seq = 0;
	must(sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	must(sqlite3_exec(db, "PRAGMA recursive_triggers = ON; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL",
		NULL, NULL, NULL), SQLITE_OK);
	sqlite3_stmt *begin = prepare("INSERT INTO phase (run, seq, at_us, name, grp, attempt) VALUES (1, ?, ?, ?, 'main', 1)");
	sqlite3_stmt *end = prepare("INSERT INTO phase_end (run, phase, at_us, outcome, marginal) VALUES (1, ?, ?, 'PASS', 0)");
	sqlite3_stmt *one = prepare("INSERT INTO measurement (run, seq, phase, at_us, name, type, num, text, unit, outcome, "
		"marginal, limit_min, limit_max, marginal_min, marginal_max, nominal, within, equals, one_of, matches, limit_text, "
		"instrument, uncertainty, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	double start = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (int done = 0; done < n; done += per) {
		int phase = ++seq;
		sqlite3_bind_int(begin, 1, phase);
		sqlite3_bind_int64(begin, 2, since(start));
		text(begin, 3, "rails");
		run(begin);
		for (int i = 1; i <= per; i++)
			measurement(one, ++seq, phase, start, i % 20);
		sqlite3_bind_int(end, 1, phase);
		sqlite3_bind_int64(end, 2, since(start));
		run(end);
	}
	printf("%.0f cpuus=%.2f\n", n / (seconds(CLOCK_MONOTONIC) - start),
		(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / n);
	return 0;
}
