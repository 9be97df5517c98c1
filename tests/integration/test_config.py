"""What a wrong configuration is told, and how programs end."""
import subprocess

import harness
import pytest
from harness import BASE, run

PROGRAMS = ("validator", "deadline", "integrator", "projector", "gateway")


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("wrong, words", [
    ("[postgres]\nkoninfo = x\n", ["postgres", "koninfo"]),
    ("[basisdata]\nx = 1\n", ["basisdata"]),
    ("[log]\nlevel = keras\n", ["log", "level", "debug|info|warn|error"]),
    ("[log]\nlevel = info\nlevel = warn\n", ["log", "level", "twice"]),
    ("[sop]\ntime_tolerance = 5 hari\n", ["sop", "time_tolerance"]),
    ("[kafka]\nbootstrap.serverz = x\n", ["bootstrap.serverz"]),
    ("[kafka]\nacks = semua\n", ["acks"]),
    ("conninfo = x\n", ["conninfo"]),
    ("[log\n", ["[log"]),
])
def test_wrong(name, wrong, words, tmp_path):
    done = run(name, "--check-config", conf=wrong + ("" if "[postgres]" in wrong else BASE), tmp=tmp_path)
    assert done.returncode == 78, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_missing_and_impossible(name, tmp_path):
    done = run(name, conf="[log]\nlevel = info\n", tmp=tmp_path)
    assert done.returncode == 78 and "conninfo" in done.stderr
    done = run(name, "-c", tmp_path / "none.conf")
    assert done.returncode == 78 and "none.conf" in done.stderr
    done = run(name, "--such-a-thing")
    assert done.returncode == 64


@pytest.mark.parametrize("setting, words", [
    ("timeout = 60s\nlease = 60s", ["timeout", "lease"]),
    ("backoff_min = 10m", ["backoff_min", "backoff_max"]),
    ("auth = bearer", ["auth_secret", "auth"]),
    ("in_flight = 0", ["in_flight"]),
])
def test_impossible_pairs(setting, words, tmp_path):
    done = run("integrator", conf=f"{BASE}{setting}\n", tmp=tmp_path)
    assert done.returncode == 78
    for word in words:
        assert word in done.stdout + done.stderr


@pytest.mark.parametrize("body, event, good", [("960k", "1m", True), ("448k", "512k", True), ("449k", "512k", False), ("960k", "1048575", False)])
def test_a_body_that_the_workers_would_set_aside(body, event, good, tmp_path):
    done = run("gateway", "--check-config", conf=f"{BASE}[gateway]\nbody_max = {body}\n[sop]\nevent_max = {event}\n", tmp=tmp_path)
    assert done.returncode == (0 if good else 78)
    assert good or ("body_max" in done.stderr and "event_max" in done.stderr)


@pytest.mark.parametrize("name", PROGRAMS)
def test_words_of_its_own(name, tmp_path):
    assert run(name, "--version").stdout.startswith(f"bedelau-{name} ")
    assert "usage:" in run(name, "--help").stdout
    sample = run(name, "--sample-config").stdout
    assert f"[{name}]" in sample and "#conninfo" in sample
    # with the keys of others required beside it, the sample is a configuration; and so is each default written out
    spelled = "\n".join(line[1:] if line.startswith("#") and " = " in line and not line.startswith("# ")
                        and not line.endswith("= ") else line for line in sample.splitlines())
    spelled = spelled.replace("[postgres]", BASE.splitlines()[0] + "\n" + BASE.splitlines()[1], 1)
    if name == "integrator":
        spelled = spelled.replace("[integrator]", "[integrator]\nurl = http://127.0.0.1:1", 1)
    spelled = spelled.replace("\ncheck = on", "\ncheck = off")
    done = run(name, "--check-config", conf=spelled, tmp=tmp_path)
    assert done.returncode == 0, done.stderr + spelled


def test_environment_wins(tmp_path):
    env = {"BEDELAU_LOG_LEVEL": "keras", "BEDELAU_POSTGRES_CONNINFO": "dbname=x"}
    done = run("validator", "--check-config", conf="[log]\nlevel = info\n", tmp=tmp_path, env=env)
    assert done.returncode == 78 and "level" in done.stderr


def test_more_callback_keys_than_are_tried(tmp_path):
    """None is left out without a word: who rotates past the limit is told, and not what the keys are."""
    def with_keys(n, *words):
        keys = " ".join(f"rahasia-{i}" for i in range(n))
        done = run("gateway", *words, conf=f"{BASE}[gateway]\ncallback_secret = {keys}\n", tmp=tmp_path)
        assert "rahasia" not in done.stdout + done.stderr
        return done

    assert with_keys(8, "--check-config").returncode == 0
    for words in ((), ("--check-config",)):
        done = with_keys(9, *words)
        assert done.returncode == 78 and "[gateway] callback_secret" in done.stderr


@pytest.mark.parametrize("key", ["whsec_", "whsec_rahasia!", "whsec_rahasia=cm"])
def test_callback_key_that_is_none(tmp_path, key):
    """Told at start, not at the first callback."""
    for words in ((), ("--check-config",)):
        done = run("gateway", *words, conf=f"{BASE}[gateway]\ncallback_secret = rahasia-0 {key}\n", tmp=tmp_path)
        assert done.returncode == 78 and "[gateway] callback_secret" in done.stderr
        assert "rahasia" not in done.stdout + done.stderr


@pytest.mark.parametrize("key, word", [("allow", "h{}.contoh.test"), ("allow_net", "203.0.113.{}/32")])
def test_more_places_than_are_kept(tmp_path, key, word):
    def with_places(n):
        conf = f"{BASE}[attachments]\n" + ("" if key == "allow" else "allow = contoh.test\n")
        conf += f"{key} = {' '.join(word.format(i) for i in range(n))}\n"
        return run("validator", "--check-config", conf=conf, tmp=tmp_path, env={"BEDELAU_ATTACHMENTS_CHECK": "on"})

    assert with_places(64).returncode == 0
    done = with_places(65)
    assert done.returncode == 78 and f"[attachments] {key}" in done.stderr


def test_secret_is_not_shown(tmp_path):
    done = run("integrator", "--check-config", conf="[postgres]\nconninfo = host=x password=rahasia bukan=ini\n"
               "[integrator]\nurl = http://127.0.0.1:1\n[attachments]\ncheck = off\n", tmp=tmp_path)
    done2 = run("integrator", conf="[postgres]\nconninfo = host=x password=rahasia bukan=ini\n"
                "[integrator]\nurl = http://127.0.0.1:1\n[attachments]\ncheck = off\n", tmp=tmp_path)
    assert "rahasia" not in done.stdout + done.stderr + done2.stdout + done2.stderr
    assert done2.returncode == 78 and "conninfo" in done2.stderr


def test_reload(folder):
    """SIGHUP reads the log's level again; a wrong file changes nothing and is told."""
    conf = folder / "reload.conf"
    conf.write_text(BASE + "[log]\nlevel = warn\n", encoding="utf-8")
    with open(folder / "reload.log", "wb") as log:
        proc = subprocess.Popen([harness.BIN / "bedelau-projector", "-c", conf], stdout=log, stderr=log,
                                env={"BEDELAU_PROJECTOR_LISTEN": f"127.0.0.1:{harness.free_port()}"})

    def said(words):
        return words in (folder / "reload.log").read_text(encoding="utf-8")

    harness.eventually(lambda: said("Postgres does not answer"), what="it runs")
    conf.write_text(BASE + "[log]\nlevel = keras\n", encoding="utf-8")
    proc.send_signal(harness.signal.SIGHUP)
    harness.eventually(lambda: said("the old ones stay"), what="the wrong file is told")
    assert not said("settings were read again")
    conf.write_text(BASE + "[log]\nlevel = info\n", encoding="utf-8")
    proc.send_signal(harness.signal.SIGHUP)
    harness.eventually(lambda: said("settings were read again"), what="the level is info now")
    proc.terminate()
    assert proc.wait(timeout=30) == 0


def test_stop(pipeline):
    """SIGTERM drains and ends with 0."""
    p = pipeline()
    p.start(*harness.WORKERS, "gateway")
    p.submit(f"{harness.OPD}-T-1")
    p.flush()
    p.await_status(f"{harness.OPD}-T-1", "selesai")
    for name in (*harness.WORKERS, "gateway"):
        assert p.terminate(name) == 0, name


def test_schema_is_taken_as_it_is_written(pipeline, monkeypatch):
    monkeypatch.setenv("BEDELAU_TEST_RUN", "Huruf")  # Postgres folds capitals unless the name is quoted
    p = pipeline(standin=False)
    p.start("projector")
    p.submit(f"{harness.OPD}-T-2")
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n == 1, what="the event in that schema")


def test_operators_command_and_standin(tmp_path):
    """bedelauctl and the stand-in refuse what they do not know, too."""
    def ctl(*words, conf=""):
        (tmp_path / "ctl.conf").write_text(conf, encoding="utf-8")
        return subprocess.run([harness.BIN / "bedelauctl", "-c", tmp_path / "ctl.conf", *words], env={"PATH": "/usr/bin:/bin"},
                              capture_output=True, text=True, timeout=30, check=False)

    assert ctl("--version").returncode == 0 and ctl("--help").returncode == 0
    assert ctl("terbang").returncode == 64 and ctl().returncode == 64
    for command, wrong, word in ((["list"], "[postgres]\nkoninfo = x\n", "koninfo"), (["list"], "[basisdata]\nx = 1\n", "basisdata"),
                                 (["list"], "[log]\n", "conninfo"),
                                 (["topics", "check"], BASE + "[kafka]\nbootstrap.servers = 127.0.0.1:1\nbootstrap.serverz = x\n",
                                  "bootstrap.serverz")):
        done = ctl(*command, conf=wrong)
        assert done.returncode == 78 and word in done.stderr, done
    for word, code in (("--version", 0), ("--help", 0), ("--terbang", 64)):
        done = run("standin", word)
        assert done.returncode == code and done.stdout + done.stderr, done
