#!/usr/bin/env python3
"""Runs a folder of inputs that once broke the service against a binary and prints what still falls short.

    tests/cases/run.py FOLDER [--binary target/release/taskpulse] [--only prometheus,boards]

FOLDER holds prometheus/, boards/, github/, probes/ and machine/, each an input of one kind of fault. What is right is written here.
Parts that need root (file systems over FUSE) or a program (openssl, git) say so when they cannot run. Exits 1 if a check fails.
"""
import argparse, csv, hashlib, hmac, http.server, json, os, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.parse, urllib.request, uuid
from pathlib import Path

FAILED, PASSED = [], []


def check(name, right, found):
    """Counts one check. `right` is whether it holds, `found` is what came."""
    (PASSED if right else FAILED).append(name)
    print(f"{'ok  ' if right else 'FAIL'} {name}" + ('' if right else f': {str(found)[:300]}'), flush=True)


def eventually(read, seconds=15.0):
    """Polls until `read` gives something that is true; its last answer."""
    end = time.time() + seconds
    while True:
        found = read()
        if found or time.time() > end:
            return found
        time.sleep(0.2)


def answers(port):
    """Whether something listens."""
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


QUIET = '[system]\nenabled = false\n[containers]\nenabled = false\n[taskmaster]\nenabled = false\n[github]\nenabled = false\n'


class Service:
    """The binary in a folder of its own."""

    def __init__(self, settings=QUIET, folder=None, env=None):
        self.dir = Path(folder or tempfile.mkdtemp(prefix='cases-', dir=SCRATCH))
        if settings is not None:
            (self.dir / 'Settings.toml').write_text(settings)
        self.port = free_port()
        self.log = open(self.dir / 'out.log', 'wb')
        self.process = subprocess.Popen([BINARY, '--port', str(self.port), '--no-browser'], cwd=self.dir, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **(env or {})})
        if not eventually(lambda: self.process.poll() is not None or self.ready(), 20) or self.process.poll() is not None:
            raise RuntimeError(f'did not start: {self.output()[-600:]}')

    def ready(self):
        try:
            return self.get('/readyz')[0] == 200
        except OSError:
            return False

    def output(self):
        return (self.dir / 'out.log').read_text(errors='replace')

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body, whatever the status."""
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}{path}', data=body, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def get(self, path, headers=None):
        status, _, body = self.ask('GET', path, headers=headers)
        return status, body

    def json(self, path):
        return json.loads(self.get(path)[1])

    def query(self, text, at=None):
        """The result of an instant query, or the error's text."""
        fields = {'query': text} if at is None else {'query': text, 'time': at}
        _, _, body = self.ask('POST', '/api/v1/query', urllib.parse.urlencode(fields).encode(), {'Content-Type': 'application/x-www-form-urlencoded'})
        answer = json.loads(body)
        return answer['data']['result'] if answer['status'] == 'success' else answer['error']

    def value(self, text):
        result = self.query(text)
        return float(result[0]['value'][1]) if isinstance(result, list) and result else None

    def ingest(self, *samples):
        body = json.dumps({'samples': [dict(name=n, labels=l, value=v) for n, l, v in samples]}).encode()
        return self.ask('POST', '/api/v1/ingest', body, {'Content-Type': 'application/json'})[0]

    def peak_kib(self):
        for line in open(f'/proc/{self.process.pid}/status'):
            if line.startswith('VmHWM'):
                return int(line.split()[1])

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# Remote write by hand: protobuf, and snappy's literal blocks.

def varint(n):
    return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def series(labels, points):
    pairs = b''.join(field(1, field(1, a.encode()) + field(2, b.encode())) for a, b in labels)
    return field(1, pairs + b''.join(field(2, varint(9) + (v if isinstance(v, bytes) else struct.pack('<d', v)) + varint(16) + varint(t)) for t, v in points))


def snappy(data):
    out = varint(len(data))
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack('<H', len(part) - 1) + part
    return out


def write(service, body, headers=None):
    found = service.ask('POST', '/api/v1/write', snappy(body), headers or {'Content-Encoding': 'snappy', 'Content-Type': 'application/x-protobuf'})
    return found[0], found[2]


STALE = struct.pack('<Q', 0x7FF0000000000002)


class Texts:
    """A server that answers each path with one text, as targets of scrapes do."""

    def __init__(self, texts):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                kind, body = texts[self.path]
                self.send_response(200)
                self.send_header('Content-Type', kind)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def prometheus(folder):
    text = lambda name: (folder / name).read_bytes()
    with Service() as s:
        s.ingest(('up', {}, 1))
        found = s.query(text('01-stack-overflow.promql').decode())
        check('01 a nested query is refused and the process lives', isinstance(found, str) and s.ready(), found)
        rows = list(csv.reader(open(folder / '03-regex.tsv'), delimiter='\t', quoting=csv.QUOTE_NONE))[1:]
        for pattern, value, right, _ in rows:
            value = '\u00a0' if value == 'U+00A0' else value
            s.ingest(('re', {'v': value}, 1))
            quoted = json.dumps(pattern)
            found = eventually(lambda: s.query(f're{{v={json.dumps(value)}}}'), 5)
            found = s.query(f're{{v={json.dumps(value)},v=~{quoted}}}')
            got = 'error' if isinstance(found, str) else 'match' if found else 'no match'
            check(f'03 {pattern} on {value!r}: {right}', got == right, found)
        for name in ('02a', '02b'):
            if name == '02a':
                found = s.ask('POST', '/api/v1/query?query=vector(1)&step=300s', b'', {'Content-Type': 'application/json'})
            else:
                body = b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n1\r\n--x--\r\n'
                found = s.ask('POST', '/api/v1/query', body, {'Content-Type': 'multipart/form-data; boundary=x'})
            check(f'{name} parameters of a POST, whatever its type', found[0] == 200, found[2])
        now = int(time.time()) * 1000
        rows = lambda last, v: series([('__name__', 'lost')] + [(f'a{i:02}', '') for i in range(20)] + [(f'b{i:02}', 'v') for i in range(44)] + [('zz', last)], [(now, v)])
        status = write(s, rows('one', 1) + rows('two', 2))
        found = eventually(lambda: s.value('count(lost{zz!=""})'), 3)
        check('04 empty labels hide no others', status[0] == 204 and found == 2, (status, found))
        for line in text('10-empty-parameters.txt').decode().split():
            found = s.get(line)
            check(f'10 {line}', found[0] == 200, found[1])
        for path in ('healthz', 'readyz', 'metrics', ''):
            check(f'11 HEAD /{path}', s.ask('HEAD', f'/{path}')[0] == 200, s.ask('HEAD', f'/{path}')[0])
        found = s.json('/api/v1/query_range?query=1&start=0&end=11000&step=1')
        check('12 11,001 points', found['status'] == 'success' and len(found['data']['result'][0]['values']) == 11001, str(found)[:100])
        found = s.json('/api/v1/query_range?query=1&start=0&end=11001&step=1')
        check('12 11,002 points are refused', found['status'] == 'error', str(found)[:100])
        for path in ('/api/v1/label/__name__/values?limit=1', '/api/v1/series?match[]={__name__!=%22%22}&limit=1', '/api/v1/labels?limit=1'):
            found = s.json(path)
            check(f'13 {path}', len(found['data']) == 1 and found.get('warnings'), found)
        s.ingest(('k8s.pod', {'k8s.namespace.name': 'prod'}, 1))
        found = eventually(lambda: s.json('/api/v1/label/U__k8s_2e_namespace_2e_name/values').get('data'), 5)
        check('14 a UTF-8 label in an address', found == ['prod'], found)
        found = s.json('/api/v1/series?match[]={__name__=~%22.%2b%22}&start=0&end=1000')
        check('16 the end of a search for series', found.get('data') == [], str(found)[:200])
        for name in ('17-operators-in-comment.promql', '17b-100-selectors.promql'):
            found = s.query(text(name).decode())
            check(name, isinstance(found, list), found)
        found = s.query('m{h=~"' + '|'.join(f'host-{i:04}.example.org' for i in range(2000)) + '"}')
        check('17c a variable of 2,000 hosts', isinstance(found, list), found)
        body = text('18-import-escape.openmetrics') + b'# EOF\n'
        found = s.ask('POST', '/api/v1/import?format=openmetrics', body)
        labels = eventually(lambda: s.json('/api/v1/series?match[]=esc').get('data'), 3)
        check('18 escapes of OpenMetrics', labels == [{'__name__': 'esc', 'route': 'g\\u003c/w', 'path': 'C:\\temp\\dir'}], (found[0], found[2], labels))
        line = json.dumps({'metric': {'__name__': 'vm'}, 'values': [1, None], 'timestamps': [now - 60000, now - 30000]}).encode()
        found = s.ask('POST', '/api/v1/import?format=jsonl', line)
        check('19 null of VictoriaMetrics is a stale marker', found[0] == 200 and eventually(lambda: s.value('count_over_time(vm[5m])'), 5) == 1 and s.query('vm') == [], (found, s.query('vm')))
        for body in (b'{"resourceMetrics":[]}', b'{}'):
            found = s.ask('POST', '/v1/metrics', body, {'Content-Type': 'application/json'})
            check(f'21 {body.decode()}', found[0] == 200, found)
        found = s.get('/metrics', {'Accept': 'text/plain'})
        check('D20 /metrics in the text format', s.ask('GET', '/metrics')[1]['Content-Type'].startswith('text/plain') and b'# EOF' not in found[1], s.ask('GET', '/metrics')[1]['Content-Type'])
        found = s.ask('GET', '/metrics', headers={'Accept': 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5'})
        check('D20 /metrics in OpenMetrics', 'openmetrics' in found[1]['Content-Type'] and found[2].endswith(b'# EOF\n'), found[1]['Content-Type'])
        if shutil.which('promtool'):
            found = subprocess.run(['promtool', 'check', 'metrics'], input=s.get('/metrics')[1], capture_output=True)
            check('D20 promtool check metrics', found.returncode == 0, found.stderr.decode())
        found = s.json('/api/v1/rules?type=record')['data']['groups']
        check('C10 rules?type=record', not any(r.get('type') == 'alerting' for g in found for r in g['rules']), found)
        found = write(s, series([('__name__', 'untyped_write')], [(now, 1)]), {'Content-Encoding': 'snappy'})
        check('C10 remote write without Content-Type', found[0] == 204, found)
    with Service() as s:
        before = s.peak_kib()
        found = s.query('vector(1)[4h:1ms]')
        check('A2 the memory of a query has a bound', s.peak_kib() - before < 300 * 1024 and s.ready(), (s.peak_kib() - before, str(found)[:100]))
    round_trip()
    scrapes(folder)


def round_trip():
    now = int(time.time()) * 1000
    odd = ['zero\u200bwidth', 'e\u0301', 'nbsp\u00a0', '\x1b[31m', '\x7f', '👨\u200d👩', 'a"b', 'a\\b', 'a\nb', 'a,b', '\ufeff', '\u2028', '{', "'"]
    body = series([('__name__', 'gone'), ('x', '1')], [(now - 60000, 1.0), (now - 30000, STALE)])
    for name in ('my.metric', 'on', 'inf', 'nan', 'by', 'sum'):
        body += series([('__name__', name), ('x', '1')], [(now, 1.0)])
    for value in odd:
        body += series([('__name__', 'm'), ('x', value)], [(now, 0.1)])
    body += series([('__name__', 'm'), ('a.b', '1'), ('x', '2')], [(now, -0.0)])
    with Service() as a:
        check('06 written', write(a, body)[0] == 204, '')
        time.sleep(0.5)
        for form in ('csv', 'jsonl'):
            text = a.get(f'/api/v1/export?match[]=%7Bx!%3D%22%22%7D&format={form}')[1]
            with Service() as b:
                answer = b.ask('POST', f'/api/v1/import?format={form}', text)
                time.sleep(0.5)
                again = b.get(f'/api/v1/export?match[]=%7Bx!%3D%22%22%7D&format={form}')[1]
                check(f'06 {form} gives back every bit', answer[0] == 200 and sorted(again.splitlines()) == sorted(text.splitlines()), (answer[0], answer[2][:200]))
                check(f'06 {form} keeps a stale marker', b.query('gone') == [] and b.value('count_over_time(gone[10m])') == 1, (b.query('gone'), b.query('count_over_time(gone[10m])')))


def scrapes(folder):
    text = lambda name: (folder / name).read_bytes()
    plain, openmetrics = 'text/plain; version=0.0.4', 'application/openmetrics-text; version=1.0.0; charset=utf-8'
    targets = Texts({'/clash': (plain, text('05-exported-clash.prom')), '/clash2': (plain, b'e2{foo="c"} 1\n'), '/eof': (openmetrics, text('08-no-eof.openmetrics')),
                     '/inf': (plain, text('09-infinity.prom')), '/meta': (plain, text('15-metadata.prom')), '/bom': (plain, text('20-bom.prom'))})
    settings = QUIET
    for name in ('clash', 'eof', 'inf', 'meta', 'bom'):
        settings += f'[scrape.targets.{name}]\nurl = "http://127.0.0.1:{targets.port}/{name}"\ninterval = "5s"\n'
    settings += f'[scrape.targets.clash2]\nurl = "http://127.0.0.1:{targets.port}/clash2"\ninterval = "5s"\nlabels = {{ foo = "a", exported_foo = "b" }}\n'
    try:
        s = Service(settings)
    except RuntimeError as error:
        check('C15 an interval of 5 s starts', False, error)
        return
    with s:
        check('C15 an interval of 5 s starts', True, '')
        eventually(lambda: s.value('count(up)') == 6)
        found = s.json('/api/v1/series?match[]=e')['data']
        check('05 exported_ until the name is free', sorted((l.get('exported_exported_job', ''), l.get('exported_job', '')) for l in found) == [('x', '1'), ('x', '2')]
              or sorted((l.get('exported_job', ''), l.get('exported_exported_job', '')) for l in found) == [('x', '1'), ('x', '2')], found)
        found = s.json('/api/v1/series?match[]=e2')['data']
        check('05 a configured exported_ label stays', [(l.get('exported_foo'), l.get('exported_exported_foo')) for l in found] == [('b', 'c')], found)
        check('08 no # EOF: nothing is taken', s.query('a{job="eof"}') == [] and s.query('b') == [] and s.value('up{job="eof"}') == 0, (s.query('b'), s.query('up{job="eof"}')))
        check('09 -Infinity', s.value('ok') == 1 and s.value('bookie_t') == float('-inf'), s.query('up{job="inf"}'))
        found = s.json('/api/v1/metadata')['data']
        check('15 help is unescaped', found.get('hm', [{}])[0].get('help') == 'line1\nline2 back\\slash', found.get('hm'))
        check('15 quoted metadata', found.get('my.metric', [{}])[0].get('type') == 'gauge' and found.get('sp ace', [{}])[0].get('type') == 'counter', (found.get('my.metric'), found.get('sp ace')))
        check('15 untyped', found.get('u', [{}])[0].get('type') == 'unknown', found.get('u'))
        names = s.json('/api/v1/label/__name__/values')['data']
        check('20 a BOM is no part of a name', '\ufeffa' not in names, names)


def boards(folder):
    settings = QUIET.replace('[taskmaster]\nenabled = false\n', '')
    right = {'01-dup-subtask': (3, 2), '03-version-text': (1, 1), '04-subtasks-text': (2, 1), '05b-null-subtask-id': (1, 1), '14c-parent-subtask-cycle': (2, 1),
             '18-updatedAt-number': (2, 1), '18f-deps-objects': (2, 1), '22-metadata-only-tag': (1, None), '27-lone-surrogate-title': (2, 1)}
    for case in sorted(p for p in folder.iterdir() if p.is_dir()):
        work = Path(tempfile.mkdtemp(prefix='board-', dir=SCRATCH))
        shutil.copytree(case / '.taskmaster', work / '.taskmaster')
        with Service(settings, work) as s:
            read = lambda: [b for b in s.json('/api/v1/tasks')['data']['boards'] if b.get('up')]
            found = eventually(read, 8)
            tasks = sum(len(b['items']) for b in found)
            check(f'boards/{case.name}', (tasks, len(found))[:1] == right[case.name][:1] and right[case.name][1] in (None, len(found)),
                  (tasks, len(found), s.json('/api/v1/tasks')['data']['sources']))
            if case.name.startswith('14c'):
                check('  crosswise subtasks are no cycle', all(b['cycle'] is None for b in found), found)
    if not shutil.which('git'):
        return print('     boards/switch.sh needs git')
    work = Path(tempfile.mkdtemp(prefix='switch-', dir=SCRATCH))
    script = (folder / 'switch.sh').read_text().replace('sleep 2', 'sleep 3')
    (work / 'proj').mkdir()
    before, _, after = script.partition("echo 'start taskpulse")
    after = after.split('\n', 1)[1]
    helper = before[before.index('w() {'):before.index('w pending')]
    subprocess.run(['bash', '-c', before], cwd=work, check=True, capture_output=True)
    with Service(settings, work / 'proj') as s:
        eventually(lambda: s.value('sum(taskmaster_tasks)'), 10)
        subprocess.run(['bash', '-c', helper + after], cwd=work / 'proj', check=True, capture_output=True)
        time.sleep(7)
        done, again = s.value('sum(taskmaster_tasks_completed_total)'), s.value('sum(taskmaster_tasks_reopened_total)')
        check('boards/switch.sh: 5 completed, 0 reopened', (done, again or 0) == (5, 0), (done, again))
        check('  no failure ratio, no alert', (s.value('max(taskmaster_failure_ratio)') or 0) == 0, s.query('taskmaster_failure_ratio'))


def github(folder):
    port = free_port()
    fake = subprocess.Popen([sys.executable, str(folder / 'gh.py'), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    secret = b'0123456789abcdef0123'
    repositories = ['octo/approve', 'octo/short', 'octo/oldname', 'octo/pathname', 'octo/samename', 'octo/rerun', 'octo/skew', 'octo/bumped']
    settings = QUIET.replace('[github]\nenabled = false\n', '') + (f'[github]\napi_url = "http://127.0.0.1:{port}"\ntoken = "t0ken"\ninterval = "2s"\nshare = 1.0\n'
                f'webhook_secret = "{secret.decode()}"\nrepositories = {json.dumps(repositories)}\n')

    def control(**fields):
        urllib.request.urlopen(urllib.request.Request(f'http://127.0.0.1:{port}/', data=json.dumps(fields).encode(), method='POST')).read()

    def hook(s, repo, run):
        body = json.dumps({'action': 'x', 'repository': {'full_name': repo}, 'workflow_run': run}).encode()
        return s.ask('POST', '/hooks/github', body, {'Content-Type': 'application/json', 'X-GitHub-Event': 'workflow_run', 'X-GitHub-Delivery': str(uuid.uuid4()),
                                                     'X-Hub-Signature-256': 'sha256=' + hmac.new(secret, body, hashlib.sha256).hexdigest()})

    try:
        # The first attempt of a run that is run again while the service watches.
        eventually(lambda: answers(port))
        stamp = lambda t: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t))
        again = dict(run_attempt=2, conclusion='success', run_started_at=stamp(time.time() - 3600), updated_at=stamp(time.time() - 3470))
        control(repo='octo/rerun', update=1001, set=dict(run_attempt=1, conclusion='failure', run_started_at=stamp(time.time() - 7200), updated_at=stamp(time.time() - 6580)))
        with Service(settings) as s:
            repository = lambda name: next((r for r in s.json('/api/v1/ci/runs')['data']['repositories'] if r['repo'] == name), None)
            ready = lambda: all((repository(r) or {}).get('whole') and not repository(r)['jobs_wanted'] for r in repositories if r not in ('octo/oldname', 'octo/approve'))
            eventually(ready, 60)
            time.sleep(6)
            found = repository('octo/samename')
            check('github: two files named CI are two workflows', found and len(found['workflows']) == 2 and all(not w['flaky_commits'] for w in found['workflows']), found and found['workflows'])
            found = repository('octo/pathname')
            check('github: runs of a broken file belong to its workflow', found and len(found['workflows']) == 1, found and found['workflows'])
            control(repo='octo/rerun', update=1001, set=again)
            found = eventually(lambda: s.value('sum(github_actions_job_seconds_total{repo="octo/rerun"})') != 1800, 20) and s.value('sum(github_actions_job_seconds_total{repo="octo/rerun"})')
            check('github: carried-over jobs count once (1,900 s)', found == 1900, found)
            found = repository('octo/short')
            check('github: a short page with next goes on', found and found['runs_known'] >= 247, found and found['runs_known'])
            found = s.value('max(github_actions_job_seconds_total{repo="octo/skew"})')
            check('github: no job from the year 1', found is None or found < 1e6, found)
            found = [x for x in s.json('/api/v1/status')['data']['sources'] if 'oldname' in x['source'] or 'newname' in x['source']]
            check('github: a renamed repository is read', found and found[0]['up'], found)
            run = dict(id=302, name='CI', path='.github/workflows/ci.yml', workflow_id=1000, head_branch='main', head_sha='%040x' % 302, run_number=302, event='push', display_title='x',
                       status='in_progress', conclusion=None, run_attempt=1, created_at=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), run_started_at=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
                       updated_at=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), html_url='https://github.com/octo/newname/actions/runs/302', repository=dict(full_name='octo/newname'),
                       head_repository=dict(full_name='octo/newname'), head_commit=None)
            found = hook(s, 'octo/newname', run)
            check('github: webhooks of the new name count', b'accepted' in found[2], found[2])
            control(repo='octo/approve', update=101, set=dict(status='queued', conclusion=None, updated_at=stamp(time.time())))
            time.sleep(6)
            control(repo='octo/approve', update=101, set=dict(status='completed', conclusion='failure', updated_at=stamp(time.time())), attempt=1, jobs=[])
            found = eventually(lambda: s.value('sum(github_actions_runs_total{repo="octo/approve",conclusion="failure"})'), 30)
            check('github: an approval that keeps its attempt is seen', found == 1, (found, repository('octo/approve')))
    finally:
        fake.kill()


def probes(folder):
    if not shutil.which('openssl'):
        return print('     probes need openssl')
    work = Path(tempfile.mkdtemp(prefix='probes-', dir=SCRATCH))
    run = lambda line: subprocess.run(['bash', '-c', line], cwd=work, check=True, capture_output=True)
    run((folder / 'certs.sh').read_text())
    run('openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 30 -subj /CN=root;'
        'openssl req -newkey rsa:2048 -nodes -keyout good.key -out good.csr -subj /CN=localhost; printf "subjectAltName=DNS:localhost,IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n" > ext;'
        'openssl x509 -req -in good.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile ext -out good.pem;'
        'openssl x509 -req -in good.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -not_before 20200101000000Z -not_after 20200201000000Z -extfile ext -out exp.pem 2>/dev/null || cp good.pem exp.pem; cp good.key exp.key;'
        'openssl req -x509 -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE;'
        'openssl req -x509 -newkey rsa:2048 -nodes -keyout cn.key -out cn.pem -days 30 -subj /CN=localhost')
    server = subprocess.Popen([sys.executable, '-u', str(folder / 'srv.py')], cwd=work, stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        up = ['ok', 'gzip', 'spacecolon', 'ctrl', 'fold', 'lf', 'latin', 'reason', 'noreason', 'redir-utf8', 'redir-rel', 'redir-space', 'redir-frag', 'redir-nobodylen', 'early', 'http10', 'chunk',
              'many', 'dupcl', 'cookie', 'keepopen', 'slow3']
        down = ['short', 'chunkbad', 'reset', 'nothing', 'drip']
        port = 'http://127.0.0.1:27301/'
        settings = QUIET
        add = lambda name, **keys: '[probes.check.' + name + ']\ninterval = "10s"\ntimeout = "5s"\n' + ''.join(f'{k} = {json.dumps(v)}\n' for k, v in keys.items())
        for name in up + down:
            settings += add(name, url=port + name, body_matches='ready')
        tls = dict(own=dict(url='https://localhost:27311/ok', ca_file=f'{work}/ca1.pem'), leaf=dict(url='https://localhost:27312/ok', ca_file=f'{work}/leaf.pem'),
                   v1=dict(url='https://localhost:27313/ok', tls_verify=False), v1tls12=dict(url='https://localhost:27319/ok', tls_verify=False), small=dict(url='https://localhost:27314/ok', tls_verify=False),
                   good=dict(url='https://localhost:27316/ok', ca_file=f'{work}/root.pem'))
        for name, keys in tls.items():
            settings += add('tls-' + name, **keys)
        bad_tls = dict(default=dict(url='https://localhost:27312/ok'))
        for name, keys in bad_tls.items():
            settings += add('tls-' + name, **keys)
        settings += '[probes.check.five]\nurl = "http://127.0.0.1:27301/ok"\ninterval = "5s"\n'
        try:
            s = Service(settings)
        except RuntimeError as error:
            check('C15 a probe every 5 s starts', False, error)
            s = Service(settings[:settings.index('[probes.check.five]')])
        with s:
            eventually(lambda: (s.value('count(probe_success)') or 0) > len(up + down) + len(tls) + len(bad_tls), 40)
            why = {t['target']: t.get('reason') for t in s.json('/api/v1/status')['data']['targets']}
            for name in up + ['tls-' + n for n in tls]:
                check(f'probe {name} is up', s.value(f'probe_success{{target="{name}"}}') == 1, why.get(name))
            for name in down + ['tls-' + n for n in bad_tls]:
                check(f'probe {name} is down', s.value(f'probe_success{{target="{name}"}}') == 0, s.query(f'probe_success{{target="{name}"}}'))
    finally:
        server.kill()


def machine(folder):
    cgroups(folder)
    standstill()
    if os.geteuid() != 0 or not os.path.exists('/dev/fuse'):
        return print('     machine/fusens.py needs root and /dev/fuse')
    scratch = Path(tempfile.mkdtemp(prefix='fuse-', dir=SCRATCH))
    program = (folder / 'fusens.py').read_text().replace("'/tmp/cases/taskpulse'", repr(str(BINARY))).replace('/tmp/cases', str(scratch))
    (scratch / 'fusens.py').write_text(program)
    (scratch / 'Settings.toml').write_text('[github]\nenabled = false\n[taskmaster]\nenabled = false\n[containers]\nenabled = false\n[system]\ninterval = "2s"\n')
    (scratch / 'run').mkdir()
    shutil.move(scratch / 'Settings.toml', scratch / 'run' / 'Settings.toml')
    s = Service.__new__(Service)
    s.dir, s.port, s.log = scratch / 'run', free_port(), open(os.devnull, 'wb')
    outer = subprocess.Popen([sys.executable, str(scratch / 'fusens.py'), str(s.dir), str(s.port)], stdout=subprocess.PIPE)
    try:
        if not eventually(s.ready, 20):
            return check('machine: starts beside odd mounts', False, '')
        found = eventually(lambda: s.query('system_filesystem_utilization_ratio'), 10)
        eventually(lambda: s.query('system_cpu_utilization_ratio'), 10)
        names = [r['metric'].get('mountpoint') for r in found]
        check('machine: images are no full disks', not any(n.endswith(('snap/core/1', 'mount_Cool')) for n in names), names)
        found = s.json('/api/v1/status')['data']['health']
        check('machine: images take nothing from the health', not any(p['part'] == 'disk' and p['score'] < 20 for p in found['parts']), found)
        found = s.query('system_temperature_celsius')
        values = sorted(float(r['value'][1]) for r in found if isinstance(r, dict))
        check('machine: two sensors of one name are two series', not os.path.isdir('/sys/class/hwmon') or {41.85, 63.85} <= {round(v, 2) for v in values}, values)
        hang = scratch / 'hang'
        hang.write_text('')
        time.sleep(8)
        query = lambda: s.value('time() - timestamp(system_cpu_utilization_ratio)')
        found = eventually(lambda: (query() or 99) < 8, 10)
        check('machine: a mount that hangs leaves the CPU alone', found, query())
        found = [x for x in s.json('/api/v1/status')['data']['sources'] if x['source'].startswith('system')]
        check('machine: the mount that hangs is named', any('ssh' in str(x) for x in found), found)
        hang.unlink()
        check('machine: no duplicate samples', s.json('/api/v1/status')['data']['pipeline']['duplicate_samples'] == 0, s.json('/api/v1/status')['data']['pipeline'])
    finally:
        (scratch / 'hang').unlink(missing_ok=True)
        if (s.dir / 'pid').exists():
            os.kill(int((s.dir / 'pid').read_text()), signal.SIGKILL)
        outer.kill()


def cgroups(folder):
    work = Path(tempfile.mkdtemp(prefix='cgroup-', dir=SCRATCH))
    shutil.copytree(folder / 'cgroup' / 'host', work / 'host')
    with Service(f'[system]\nenabled = false\n[github]\nenabled = false\n[taskmaster]\nenabled = false\n[containers]\nroot = "{work}/host"\ninterval = "2s"\nmax_groups = 50\n') as s:
        eventually(lambda: s.query('container_memory_usage_bytes'), 10)
        time.sleep(4)
        found = [r['metric'] for r in s.query('container_memory_usage_bytes')]
        host = [m for m in found if m.get('unit') == 'ssh.service' and not m.get('container')]
        check("machine: guests' units are not the host's", len(host) == 1 and s.value('container_memory_usage_bytes{unit="ssh.service",container=""}') == float((work / 'host/sys/fs/cgroup/system.slice/ssh.service/memory.current').read_text()), host)
        check('machine: both guests are containers', {'101', '102'} <= {m.get('container', m.get('id', '')) for m in found} | {m.get('id', '') for m in found}, found)
        found = s.json('/api/v1/status')['data']['pipeline']['duplicate_samples']
        check('machine: each series once a collection', found == 0, found)


def standstill():
    target = Texts({'/ok': ('text/plain', b'ready')})
    with Service(QUIET + f'[probes.check.web]\nurl = "http://127.0.0.1:{target.port}/ok"\ninterval = "2s"\n') as s:
        eventually(lambda: s.value('probe_success') == 1)
        for _ in range(3):
            time.sleep(2.3)
            s.process.send_signal(signal.SIGSTOP)
            time.sleep(11)
            s.process.send_signal(signal.SIGCONT)
        time.sleep(5)
        found = s.query('min_over_time(probe_success[5m])')
        events = [e for e in s.json('/api/v1/events')['data'] if e['source'] == 'probe']
        check('machine: a service that stood still reports no outage', found[0]['value'][1] == '1' and not events, (found, events))
        alerts = s.json('/api/v1/alerts')['data']['alerts']
        check('machine: and raises no alert', not alerts, alerts)


def door(_):
    with Service(QUIET + '[server]\ntoken = "a-token-of-some-length"\n') as s:
        form = urllib.parse.urlencode({'token': 'a-token-of-some-length', 'next': '/'}).encode()
        page = s.get('/', {'Accept': 'text/html'})
        check('E21 a browser gets a page to log in', page[0] in (200, 401) and b'<form' in page[1], page)
        kind = {'Content-Type': 'application/x-www-form-urlencoded', 'Accept': 'text/html', 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'navigate'}
        policy = s.ask('GET', '/', headers={'Accept': 'text/html'})[1].get('referrer-policy', '')
        origin = 'null' if policy == 'no-referrer' else f'http://127.0.0.1:{s.port}'
        opener = urllib.request.build_opener(NoRedirect)
        request = urllib.request.Request(f'http://127.0.0.1:{s.port}/login', data=form, headers={**kind, 'Origin': origin})
        try:
            answer = opener.open(request)
        except urllib.error.HTTPError as error:
            answer = error
        check('E21 the form logs in as Chromium sends it', answer.getcode() in (200, 302, 303) and answer.headers.get('Set-Cookie'), (answer.getcode(), answer.read()[:200]))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


PARTS = {'prometheus': prometheus, 'boards': boards, 'github': github, 'probes': probes, 'machine': machine, 'door': door}

if __name__ == '__main__':
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('folder', type=Path)
    options.add_argument('--binary', default=str(Path(__file__).resolve().parents[2] / 'target/release/taskpulse'))
    options.add_argument('--only', default=','.join(PARTS))
    given = options.parse_args()
    BINARY = os.path.abspath(given.binary)
    with tempfile.TemporaryDirectory(prefix='taskpulse-cases-') as SCRATCH:
        for part in given.only.split(','):
            print(f'== {part}', flush=True)
            PARTS[part](given.folder / part)
    print(f'{len(PASSED)} hold, {len(FAILED)} fall short' + ''.join(f'\n  {name}' for name in FAILED))
    sys.exit(1 if FAILED else 0)
