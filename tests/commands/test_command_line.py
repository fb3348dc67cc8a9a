"""The command line as a user meets it: exit codes, one sentence for every wrong input, only JSON on stdout."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from moe_core.traces.reader import open_trace
from tests.command_line import ROOT, finish, here, moescope, refused, start


@pytest.fixture(scope="module")
def quiz_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred short questions."""
    rows = ["question,A,B,C,D,answer,subject,id"]
    rows += [f"What is {n} plus {n}?,{2 * n},{2 * n + 1},{2 * n + 2},{3 * n + 900},A,sums,q{n}" for n in range(300)]
    path = tmp_path_factory.mktemp("quiz") / "sums.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def trace_path(tmp_path: Path) -> Path:
    """A copy of the tiny trace."""
    return Path(shutil.copy(ROOT / "tests" / "data" / "demo-format-1.h5", tmp_path / "tiny.h5"))


def test_record_report_show_verify_speak_json(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """The main job in JSON: every output parses, and the numbers of one command are those of the next."""
    out = tmp_path / "t.h5"
    given = ("--model", tiny_olmoe, "--quiz", quiz_csv, "--limit", 12, "--out", out)
    recorded = json.loads(moescope("record", *given, "--json"))
    report = json.loads(moescope("report", out, "--json"))
    shown = json.loads(moescope("show", out, "q3", "--json", "--all-tokens"))
    verified = json.loads(moescope("verify", out, "--json"))
    assert recorded["n_questions"] == report["n_questions"] == report["n_planned"] == 12
    assert report["complete"]
    assert shown["id"] == "q3"
    assert len(shown["tokens"]) == len(shown["token_experts"]) == len(shown["token_weights"])
    assert [len(layer["experts"]) for layer in shown["layers"]] == [4, 4, 4]
    assert verified["complete"]


def test_a_masked_run_stores_its_intervention(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """--mask switches an expert off: it is chosen nowhere, and the report says so."""
    out = tmp_path / "masked.h5"
    given = ("--model", tiny_olmoe, "--quiz", quiz_csv, "--limit", 8, "--mask", "0:3,2:5", "--out", out)
    assert here("record", *given)[0] == 0
    shown = json.loads(here("show", out, "q1", "--json", "--all-tokens")[1])
    assert all(3 not in layers[0] and 5 not in layers[2] for layers in shown["token_experts"])
    report = json.loads(here("report", out, "--json")[1])
    assert report["intervention"]["reroute"] == [[0, 3], [2, 5]]


@pytest.mark.slow
def test_ctrl_c_stops_after_the_batch_and_the_same_command_resumes(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path
) -> None:
    """Exit 130 with a sentence; the file verifies as partial; the same command ends it."""
    command = ("record", "--model", tiny_olmoe, "--quiz", quiz_csv, "--batch-tokens", 50, "--out", tmp_path / "t.h5")
    process = start(*command)
    assert process.stderr is not None
    while "0 of 300" not in process.stderr.readline():
        assert process.poll() is None
    while process.poll() is None:  # as soon as something is recorded, while nearly all is still to come
        with open_trace(tmp_path / "t.h5") as growing:
            if growing.recorded.any():
                process.send_signal(signal.SIGINT)
                break
    code, out, error = finish(process)
    assert (code, out) == (130, "")
    assert "the same command resumes" in error
    partial = json.loads(here("report", tmp_path / "t.h5", "--json")[1])
    assert not partial["complete"]
    assert 0 < partial["n_questions"] < partial["n_planned"] == 300
    assert here(*command)[0] == 0
    assert json.loads(here("report", tmp_path / "t.h5", "--json")[1])["complete"]
    code, out, error = here(*command)
    assert (code, out) == (1, "")
    assert "is complete" in error


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"--model": "/no/such/folder"}, "There is no folder"),
        ({"--quiz": "nothing.csv"}, "nothing.csv does not exist"),
        ({"--subjects": "summs"}, "sums"),
        ({"--device": "cuda:7"}, "There is no device"),
        ({"--dtype": "float8"}, "is no dtype"),
        ({"--mask": "99:0"}, "Expert 99:0 does not exist"),
        ({"--mask": "x"}, "LAYER:EXPERT"),
        ({"--intervention": "missing.json"}, "cannot be read"),
        ({"--shots": "3"}, "sums_dev.csv"),
        ({"--template": "brief"}, "--template and --template-args are for --protocol chat"),
        ({"--ray": "local:0"}, "is no address of a cluster"),
        ({"--ray": ""}, '"" is no address of a cluster'),  # a shell's variable that is not set
    ],
)
def test_wrong_input_gets_one_sentence(
    tiny_olmoe: Path,
    quiz_csv: Path,
    tmp_path: Path,
    changes: dict[str, str],
    sentence: str,
) -> None:
    """Exit 1, one sentence with the remedy, no traceback, no file left behind."""
    given = {"--model": tiny_olmoe, "--quiz": quiz_csv, "--out": tmp_path / "t.h5", **changes}
    code, out, error = here("record", *(part for pair in given.items() for part in pair))
    assert (code, out) == (1, ""), error
    assert sentence in error[error.index("moescope:") :]
    assert "Traceback" not in error
    assert not (tmp_path / "t.h5").exists()


WRONG_USES = """
whatif TRACE --mask 0:1 --boost nan
whatif TRACE --mask 0:1 --boost 2 --effect drop
whatif TRACE --mask 0:1 --subset 0 --out NEW/w.h5
whatif TRACE --mask 0:1 --ray local:99 --out NEW/w.h5
whatif TRACE --mask 0:1 --model nowhere --out NEW/w.h5
whatif TRACE --intervention TRACE
effects TRACE --budget 0 --out NEW/map.safetensors
effects TRACE --out FOLDER
effects TRACE --measure top:nan
effects TRACE --measure 99:1
effects TRACE --by-token nosuch --measure 0:1
experiment nosuch TRACE
experiment prune-to 200% TRACE
experiment prune-to 50% TRACE --loss nan
experiment boost-best TRACE --factors -1
experiment neurons TRACE --experts 0:1:2
experiment never-used TRACE --csv FOLDER
experiment tasks TRACE TRACE
experiment never-used TRACE --ray HOST
bench --model demo --full-size
bench --compile --device balanced
export-pruned TRACE --mask 0:1 --out FILE --keep-list NEW/keep.json
"""


@pytest.mark.parametrize("use", WRONG_USES.strip().splitlines())
def test_a_wrong_use_leaves_nothing_behind(trace_path: Path, tmp_path: Path, use: str) -> None:
    """One sentence, exit 1, no traceback, whatever the command."""
    (tmp_path / "file").touch()
    names = {"TRACE": trace_path, "NEW": tmp_path / "new", "FOLDER": tmp_path, "FILE": tmp_path / "file"}
    for name, path in names.items():
        use = use.replace(name, str(path))
    before = sorted(tmp_path.rglob("*"))
    code, _, error = here(*use.split())
    assert code == 1, error
    assert "Traceback" not in error
    assert "moescope: " in error
    assert sorted(tmp_path.rglob("*")) == before


def test_bad_rows_are_named_all_at_once(tiny_olmoe: Path, tmp_path: Path) -> None:
    """File, row and reason of each."""
    quiz = tmp_path / "bad.csv"
    quiz.write_text("question,A,B,answer\nGood?,x,y,A\n,x,y,A\nBad?,x,y,Q\n", encoding="utf-8")
    code, _, error = here("record", "--model", tiny_olmoe, "--quiz", quiz, "--out", tmp_path / "t.h5")
    assert code == 1
    assert "bad.csv" in error
    assert "3" in error
    assert "4" in error


def test_usage_errors_leave_with_2_and_version_with_0() -> None:
    """As every command line does."""
    assert finish(start("record"))[0] == 2
    assert finish(start("no-such-command"))[0] == 2
    run = ("record", "--model", "demo", "--quiz", "demo", "--out", "never.h5")
    assert finish(start(*run, "--sample", 3, "--seed", -1))[0] == 2
    assert finish(start(*run, "--sample", 3, "--seed", 2**32))[0] == 2
    assert finish(start(*run, "--batch-tokens", 10**30))[0] == 2
    assert moescope("--version").startswith("moescope ")


def in_shell(arguments: str, redirection: str) -> "subprocess.CompletedProcess[str]":
    """The command line with its standard streams elsewhere."""
    return subprocess.run(
        ["/bin/sh", "-c", f"{shlex.quote(sys.executable)} -m moe_core {arguments} {redirection}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "arguments", ["--version", "--help", "report {trace}", "verify {trace}", "report {trace} --json"]
)
def test_output_that_cannot_be_written_is_one_sentence(trace_path: Path, arguments: str) -> None:
    """As on a full disk: exit 1, so that no script takes half a report for a whole one."""
    found = in_shell(arguments.format(trace=shlex.quote(str(trace_path))), "> /dev/full")
    assert found.returncode == 1
    assert found.stderr.splitlines() == ["moescope: The output cannot be written (No space left on device)."]


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_are_like_the_null_device(trace_path: Path, redirection: str) -> None:
    """No file that is opened later takes the place of a standard stream, where messages would end in it."""
    found = in_shell(f"report {shlex.quote(str(trace_path))}", redirection)
    assert (found.returncode, found.stderr) == (0, "")
    missing = in_shell("report missing.h5", redirection)
    assert (missing.returncode, missing.stdout) == (1, "")


def test_a_name_that_the_system_refuses_is_one_sentence(trace_path: Path) -> None:
    """Too long a name, wherever it is given."""
    name = "n" * 300
    assert "too long" in refused("report", trace_path, "--html", name)
    assert "too long" in refused("export-pruned", trace_path, "--mask", "0:1", "--keep-list", name)
    assert "too long" in refused("experiment", "never-used", trace_path, "--csv", name)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_name_does_not_steer_the_terminal(trace_path: Path, tmp_path: Path) -> None:
    """Neither in a sentence of failure nor in one of success."""
    odd = tmp_path / "\x1b[31mred.h5"
    assert "\ufffd[31mred.h5: check the path." in refused("verify", odd)
    shutil.copy(trace_path, odd)
    assert "\ufffd[31mred.h5 is sound" in moescope("verify", odd)


def test_a_name_that_is_no_text_is_printed_all_the_same(trace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of another century's encoding, on a terminal that takes UTF-8 alone."""
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    odd = trace_path.rename(os.fsdecode(os.fsencode(trace_path.parent) + b"/caf\xe9.h5"))
    assert "caf\ufffd.h5 is sound" in moescope("verify", odd)


def test_a_file_without_the_right_to_read_is_no_usage_error(trace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening it says so in one sentence, with exit code 1; nothing is asked of the system before."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, out, _ = here("verify", trace_path)
    assert code == 0
    assert "is sound" in out
