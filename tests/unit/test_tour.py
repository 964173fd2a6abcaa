# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tour tells, and where it goes on."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "playbooks" / "tour"


@pytest.fixture(scope="module")
def tour():
    """The program, and under it the two modules that it is made of, found as they are when Python runs the folder."""
    sys.path.insert(0, str(FOLDER))
    spec = importlib.util.spec_from_file_location("tour", FOLDER / "__main__.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(FOLDER))
    for name in ("building", "telling"):
        del sys.modules[name]


@pytest.fixture
def building(tour):
    return sys.modules["building"]


@pytest.fixture
def telling(tour):
    return sys.modules["telling"]


@pytest.fixture
def table(tour):
    return tour.stages("en")


def row(client="dustin", target="virtual", **fields):
    url = {"dustin": "http://10.0.0.11:8080", "virtual": "http://10.100.100.100:8080"}[target]
    kept = {"asked": True, "answers": [], "failure": "", "as_expected": True}
    return {"client": client, "target": target, "url": url, **kept, **fields}


DUSTIN, VIRTUAL, BRIDGE = "10.0.0.11", "10.100.100.100", "10.0.0.1"


def packet(source, destination, ports=(40000, 8080)):
    return dict(source=source, source_port=ports[0], destination=destination, destination_port=ports[1], flags="SYN")


def station(netns, hook, before, after=None, *, layer="ip", devices=("", ""), changes=()):
    changed = [dict(what=what, before="", after=then, by=by) for what, then, by in changes]
    shown = dict(netns=netns, layer=layer, hook=hook, in_device=devices[0], out_device=devices[1], rules=[])
    return dict(shown, before=before, after=after or before, changes=changed)


def trace(outcome="timeout"):
    """What packet_trace returns of dustin's request to itself; where it is answered, of a part of the way back."""
    sent, balanced = packet(DUSTIN, VIRTUAL), packet(DUSTIN, DUSTIN)
    lost = outcome == "timeout"
    seen = balanced if lost else packet(BRIDGE, DUSTIN)
    syn = [
        station("netns_dustin", "output", sent),
        station("host", "output", sent, balanced, changes=[("destination", "10.0.0.11:8080", "IPVS")]),
        station("netns_dustin", "prerouting", seen),
    ]
    back = packet(DUSTIN, DUSTIN, (8080, 40000))
    answer = [
        station("netns_dustin", "output", packet(DUSTIN, BRIDGE, (8080, 40000))),
        station("host", "forward", back, layer="bridge", devices=("veth_dustin", "veth_dustin")),
        *[station("netns_dustin", "input", packet(VIRTUAL, DUSTIN, (8080, 40000)))] * 2,
    ]
    packets = [dict(name="SYN", from_client=True, attempts=3 if lost else 1, end="vanished", stations=syn)]
    verdict = [dict(text="It ended so.", basis="observed", evidence="")]
    if lost:
        verdict += [
            dict(text="It left host as it was.", basis="observed", evidence=""),
            dict(text="It is a martian, " + "and so it is refused, " * 5, basis="inferred", evidence="an address"),
        ]
    else:
        syn.append(station("netns_dustin", "input", seen))
        packets[0]["end"] = "delivered"
        packets.append(dict(name="SYN ACK", from_client=False, attempts=1, end="delivered", stations=answer))
        packets.append(dict(name="ACK", from_client=True, attempts=1, end="delivered", stations=syn))
    remote = dict(address=VIRTUAL, port=8080)
    return dict(outcome=outcome, packets=packets, verdict=verdict, remote=remote, report=[])


def test_a_lost_packet_is_told(telling):
    assert list(telling.trace_lines(trace())) == [
        "It ended so.",
        "SYN from netns_dustin, sent 3 times: 10.0.0.11:40000 > 10.100.100.100:8080",
        "  destination becomes 10.0.0.11:8080: output of host, IPVS",
        "  not seen after prerouting of netns_dustin",
        "It is a martian, and so it is refused, and so it is refused, and so it is refused, and so it is refused, "
        "and so it is refused,  (Inferred: an address.)",
    ]


def test_of_an_answered_connection_the_first_packet_of_either_side_is_told(telling):
    assert list(telling.trace_lines(trace("answered"))) == [
        "It ended so.",
        "SYN from netns_dustin: 10.0.0.11:40000 > 10.100.100.100:8080",
        "  destination becomes 10.0.0.11:8080: output of host, IPVS",
        "  delivered to netns_dustin as 10.0.0.1:40000 > 10.0.0.11:8080",
        "SYN ACK from netns_dustin: 10.0.0.11:8080 > 10.0.0.1:40000",
        "  from veth_dustin to veth_dustin: bridge forward of host",
        "  delivered to netns_dustin, twice, as 10.100.100.100:8080 > 10.0.0.11:40000",
    ]


def test_where_no_packet_was_seen_what_was_observed_is_told(telling):
    seen = dict(trace(), packets=[], verdict=trace()["verdict"][:2])
    assert list(telling.trace_lines(seen)) == ["It ended so.", "It left host as it was."]


def test_icmp_has_no_ports(telling):
    assert telling.flow(packet(DUSTIN, BRIDGE, (0, 0))) == "10.0.0.11 > 10.0.0.1"


def test_a_dropped_packet_is_told_with_its_rule(telling):
    seen = trace()
    seen["packets"][0]["end"] = "dropped"
    seen["verdict"] = [*seen["verdict"][:1], dict(text="It was dropped by a rule.", basis="observed", evidence="")]
    assert list(telling.trace_lines(seen))[-2:] == [
        "  dropped in prerouting of netns_dustin",
        "It was dropped by a rule.",
    ]


def test_traces_stand_below_each_other_and_what_is_not_as_expected_is_marked(building, telling, table):
    stage = next(stage for stage in table if stage["name"] == "hairpin")
    stage = {**stage, "trace": {"from": "dustin", "to": "virtual", "before": {}, "after": {}}}
    stage["trace"]["before"] = {"outcome": "timeout", "says": ["It is a martian"]}
    stage["trace"]["halfway"] = {"sysctl": {"net.ipv4.vs.conntrack": 1}, "outcome": "timeout", "says": []}
    stage["trace"]["after"] = {"outcome": "answered", "says": ["DUSTIN-LOOP-BACK"]}
    done = building.Done(followed={"before": trace(), "halfway": trace(), "after": trace("answered")})
    lines = list(telling.after(stage, done))
    assert "A packet from dustin to 10.100.100.100:8080" in lines
    assert [line for line in lines if "It ended so." in line] == [
        "  Before: It ended so.",
        "  With net.ipv4.vs.conntrack=1 alone: It ended so.",
        "! Now: It ended so.",
    ]
    assert max(map(len, lines)) <= telling.WIDTH
    assert telling.fits(trace(), {"outcome": "unreachable", "says": []})
    assert not telling.fits(trace(), {"outcome": "answered", "says": []})


def test_a_trace_that_could_not_be_made_is_told_and_marked(building, telling, table):
    stage = next(stage for stage in table if stage["name"] == "routes")
    done = building.Done(followed={"before": building.unfollowed("there is no namespace netns_dustin")})
    assert list(telling.traces(stage, done)) == [
        "",
        "A packet from dustin to leah",
        "! Before: there is no namespace netns_dustin",
    ]


def test_every_stage_fits_a_terminal(telling, table):
    for number, stage in enumerate(table, start=1):
        lines = list(telling.before(number, len(table), stage, telling.Look(bold=False)))
        assert max(map(len, lines)) <= telling.WIDTH
        assert "\x1b" not in "".join(lines)
        pasted = "\n".join(line[4:] for line in lines if line.startswith(("  $ ", "    "))).replace(" \\\n", "")
        assert [" ".join(line.split()) for line in pasted.splitlines()] == [
            " ".join(c.split()) for c in stage["commands"]
        ]


def test_what_curl_says_stands_beside_what_it_should(building, telling, table):
    stage = next(stage for stage in table if stage["name"] == "bridge_netfilter")
    done = building.Done(
        changed=["Set the kernel's switches"], matrix=[row(failure="timeout"), row(target="dustin", asked=False)]
    )
    lines = list(telling.after(stage, done))
    assert "  - Set the kernel's switches" in lines
    assert [line.split() for line in lines if "->" in line] == [
        ["dustin", "->", "10.100.100.100:8080", "timeout", "timeout"]
    ]
    assert max(map(len, lines)) <= telling.WIDTH


def test_a_refusal_is_told_in_the_words_of_the_table(building, telling, table):
    stage = next(stage for stage in table if stage["name"] == "netns")
    # What the role reachability says of it
    (line,) = (
        line
        for line in telling.after(stage, building.Done(matrix=[row(failure="refused or without a route")]))
        if "->" in line
    )
    assert line.split("  ")[-1].strip() == line[32:60].strip() == "refused or no route"
    assert len(line) <= telling.WIDTH


def test_what_is_not_as_expected_is_marked(building, telling, table):
    answers = ["leah", "dustin", "leah", "dustin"]
    (line,) = (
        line
        for line in telling.after(table[-1], building.Done(matrix=[row(answers=answers, as_expected=False)]))
        if "->" in line
    )
    assert line.startswith("! dustin -> 10.100.100.100:8080")
    assert len(line) <= telling.WIDTH


def test_a_report_is_read(building):
    matrix = [row()]
    report = {
        "plays": [
            {
                "play": {"name": "Build the topology"},
                "tasks": [
                    {"task": {"name": "linuxnet.ipvs.pod_network : Bridge"}, "hosts": {"lab": {"changed": True}}},
                    {"task": {"name": "Keep"}, "hosts": {"lab": {"ansible_facts": {"reachability_matrix": matrix}}}},
                    {
                        "task": {"name": "Proof"},
                        "hosts": {"lab": {"failed": True, "results": [{"failed": True, "msg": "no answer"}]}},
                    },
                ],
            }
        ]
    }
    assert building.read(report) == building.Done(["Bridge"], ["Proof: no answer"], matrix)


PLAYED = {"lost": "trace.yml", "halfway": "tour/halfway.yml"}
LOST = {"msg": "there is no such namespace", "failed": False, "failed_when_result": False}


@pytest.mark.parametrize(
    ("played", "followed"),
    [
        (["trace", "topology_up", "trace"], {"before": "timeout", "after": "answered"}),
        (
            ["trace", "halfway", "trace", "topology_up", "trace"],
            {"before": "timeout", "halfway": "timeout", "after": "answered"},
        ),
        (["trace", "topology_up"], {"before": "timeout"}),
        (["topology_up", "trace"], {"after": "answered"}),
        (["lost", "topology_up", "trace"], {"before": None, "after": "answered"}),
        (["topology_up"], {}),
    ],
)
def test_traces_are_told_apart(building, played, followed):
    """By the plays' names, which are those of the playbooks."""
    plays, outcome = [], "timeout"
    for name in played:
        file = FOLDER.parent / PLAYED.get(name, f"{name}.yml")
        (play,) = yaml.safe_load(file.read_text())
        task = play["tasks"][min(1, len(play["tasks"]) - 1)]["name"]
        outcome = "answered" if name == "topology_up" else outcome
        result = {"trace": trace(outcome), "lost": LOST}.get(name, {"changed": True, "msg": "x"})
        plays.append({"play": {"name": play["name"]}, "tasks": [{"task": {"name": task}, "hosts": {"lab": result}}]})
    done = building.read({"plays": plays})
    assert {moment: traced.get("outcome") for moment, traced in done.followed.items()} == followed
    assert done.failures == []


@pytest.mark.parametrize("banner", ["", "[WARNING]: something\n", "Using a config {file}\n"])
def test_the_last_report_has_all_of_it(building, banner):
    reports = [{"plays": [1]}, {"plays": [1, {"tasks": "{\n"}]}]
    printed = banner + "\n".join(json.dumps(report, indent=4) for report in reports) + "\n"
    assert building.last_report(printed) == reports[-1]
    assert building.last_report(banner) is None


@pytest.mark.parametrize(
    ("kept", "words", "number"),
    [
        (None, [], 0),
        ("bridge", [], 2),
        ("second_server", [], 17),
        ("service", [], 0),
        ("of another version", [], 0),
        ("bridge", ["--restart"], 0),
        ("bridge", ["--from", "bridge"], 1),
    ],
)
def test_where_it_goes_on(tour, table, tmp_path, kept, words, number):
    names = [stage["name"] for stage in table]
    place = tour.Bookmark(tmp_path / "new" / "tour.json")
    if kept:
        place.keep(kept)
        assert place.last() == kept
    assert tour.first(names, tour.arguments(names).parse_args(words), place) == number


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"stage": None})])
def test_a_place_that_was_spoiled_is_none(tour, tmp_path, text):
    file = tmp_path / "tour.json"
    file.write_text(text)
    assert tour.Bookmark(file).last() is None


# Walking


class Tour:
    """The tour with a person who gives the answers in turn, and with builds that only tell what they were asked for."""

    def __init__(self, tour, table, monkeypatch, folder):
        self.tour = tour
        self.table = table
        self.names = [stage["name"] for stage in table]
        self.place = tour.Bookmark(folder / "tour.json")
        self.building = sys.modules["building"]
        self.built = []
        self.asked = []
        self.answers = []
        self.outcomes = {}
        monkeypatch.setattr(tour, "build", self.build)
        monkeypatch.setattr("builtins.input", self.input)

    def build(self, inventory, stage, variables, *, behind):
        self.built.append((stage["name"], behind and behind["name"]))
        outcome = self.outcomes.get(stage["name"], self.building.Done(matrix=[row()]))
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def input(self, question):
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def walk(self, *words, answers=()):
        self.answers = list(answers)
        asked = self.tour.arguments(self.names).parse_args(words)
        self.tour.walk(self.table, asked, self.place, self.tour.Look(bold=False))


@pytest.fixture
def walking(tour, table, monkeypatch, tmp_path):
    return Tour(tour, table, monkeypatch, tmp_path)


def test_enter_goes_on_and_the_place_is_kept(walking):
    walking.walk("--to", "netns", answers=["", "", ""])
    assert walking.built == [("forwarding", None), ("bridge", None), ("netns", None)]
    assert walking.place.last() == "netns"
    assert all("Enter: build this stage, b: back, q: leave" in question for question in walking.asked)


def test_b_goes_back_but_not_before_the_first(walking):
    walking.walk("--to", "bridge", answers=["b", "", "B ", "", ""])
    assert walking.built == [("forwarding", None), ("forwarding", None), ("bridge", None)]


def test_the_stage_before_is_built_unless_this_walk_has_just_done_so(walking):
    walking.place.keep("leah")
    walking.walk("--to", "forward_rules", answers=["", ""])
    assert walking.built == [("routes", "leah"), ("forward_rules", None)]
    walking.walk("--from", "bridge", "--to", "netns", answers=["", "b", "", ""])
    assert walking.built[2:] == [("bridge", "forwarding"), ("bridge", "forwarding"), ("netns", None)]


def test_what_is_no_answer_is_asked_again_and_builds_nothing(walking):
    with pytest.raises(walking.tour.Left):
        walking.walk(answers=["x", "quit", "q"])
    assert walking.built == []
    assert len(walking.asked) == 3


@pytest.mark.parametrize("end", ["q", EOFError(), KeyboardInterrupt()])
def test_leaving_keeps_the_place_for_the_next_time(walking, capsys, end):
    leaving = KeyboardInterrupt if isinstance(end, KeyboardInterrupt) else walking.tour.Left
    with pytest.raises(leaving):
        walking.walk(answers=["", end])
    assert walking.built == [("forwarding", None)]
    walking.walk("--to", "bridge", answers=[""])
    assert walking.built[1:] == [("bridge", "forwarding")]
    assert "Going on behind the stage forwarding" in capsys.readouterr().out


def test_a_failing_stage_is_told_and_is_not_the_place(building, walking, capsys):
    failed = building.Done(failures=["Proof: no answer"], matrix=[row(as_expected=False)])
    walking.outcomes["bridge"] = failed
    with pytest.raises(walking.tour.Failed, match="Proof: no answer"):
        walking.walk("--yes")
    assert walking.asked == []
    assert walking.place.last() == "forwarding"
    assert "! dustin -> 10.100.100.100:8080" in capsys.readouterr().out


def test_a_packet_that_goes_another_way_fails_the_stage(building, walking, capsys):
    walking.outcomes["hairpin"] = building.Done(matrix=[row()], followed={"after": trace()})
    with pytest.raises(walking.tour.Failed, match="another way"):
        walking.walk("--yes", "--from", "hairpin")
    # What was seen before is told, and no more.
    lost = {"before": building.unfollowed("no such namespace"), "halfway": trace("answered")}
    walking.outcomes["hairpin"] = building.Done(matrix=[row()], followed=lost)
    walking.walk("--yes", "--from", "hairpin", "--to", "hairpin")
    assert walking.place.last() == "hairpin"
    assert "! Before: no such namespace" in capsys.readouterr().out


@pytest.mark.parametrize("last", [None, "forwarding"])
@pytest.mark.parametrize(
    ("end", "code"), [("q", 0), (EOFError(), 0), (KeyboardInterrupt(), 0), ("", 1)], ids=["q", "ctrl-d", "ctrl-c", "no"]
)
def test_how_the_program_ends(walking, monkeypatch, capsys, tmp_path, end, code, last):
    if last:
        walking.place.keep(last)
    inventory = tmp_path / "inventory.yml"
    inventory.touch()
    walking.answers = [end]
    walking.outcomes["bridge" if last else "forwarding"] = walking.tour.Failed("no such host")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.argv", ["tour", "--inventory", str(inventory)])
    assert walking.tour.main() == code
    said = capsys.readouterr()
    left = "`make tour` goes on behind the stage forwarding." if last else "`make tour` begins at the first stage."
    assert (left in said.out) is (code == 0)
    assert ("no such host" in said.err) is (code == 1)


def test_ctrl_c_while_ansible_works_leaves_the_place_as_it_was(walking):
    walking.place.keep("forwarding")
    walking.outcomes["bridge"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        walking.walk(answers=[""])
    assert walking.place.last() == "forwarding"


def test_a_password_is_asked_for_once_and_reaches_each_run(tour, monkeypatch, tmp_path):
    """That of the place, and that of a stage, which has no terminal to ask at."""
    log, inventory = tmp_path / "log", tmp_path / "inventory.yml"
    program = tmp_path / "ansible-playbook"
    program.write_text(
        f"""#!/bin/sh
file=$ANSIBLE_BECOME_PASSWORD_FILE
echo "$(stat -L -c %a "$file") $(cat "$file") $file" >> {log}
touch {inventory}
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("ANSIBLE_BECOME_PASSWORD_FILE", "")
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "secret")
    monkeypatch.setattr("sys.argv", ["tour", "--yes", "--create", "--ask-become-pass", "--inventory", str(inventory)])
    assert tour.main() == 1  # the program in place of Ansible reports nothing
    place, stage = log.read_text().splitlines()
    assert place == stage
    assert place.startswith("600 secret ")
    assert not Path(place.split()[-1]).exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_password_is_in_no_file_however_the_program_ends(monkeypatch, tmp_path, number):
    """A closed terminal is SIGHUP; Ansible is at work meanwhile, and ends the program here."""
    folder, inventory, log = tmp_path / "temporary", tmp_path / "inventory.yml", tmp_path / "log"
    folder.mkdir()
    inventory.touch()
    program = tmp_path / "ansible-playbook"
    program.write_text(
        f"""#!/bin/sh
echo "$ANSIBLE_BECOME_PASSWORD_FILE $(cat "$ANSIBLE_BECOME_PASSWORD_FILE")" > {log}
kill -{number.value} $PPID
"""
    )
    program.chmod(0o755)
    words = ["tour", "--yes", "--ask-become-pass", "--inventory", str(inventory)]
    script = f"""
import getpass, runpy, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
getpass.getpass = lambda prompt: "secret"
sys.argv = {words!r}
runpy.run_path({str(FOLDER)!r}, run_name="__main__")
"""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("TMPDIR", str(folder))
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -number
    place, password = log.read_text().split()
    assert password == "secret"
    assert not Path(place).exists()
    assert list(folder.iterdir()) == []


class TestBuild:
    """Which plays a stage takes, as a program in place of Ansible sees it."""

    @pytest.fixture
    def runs(self, monkeypatch, tmp_path):
        """What each run of Ansible was given."""
        said = tmp_path / "said"
        said.touch()
        report = {"plays": [{"play": {"name": "Build the topology"}, "tasks": []}]}
        program = tmp_path / "ansible-playbook"
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\nwith open({str(said)!r}, 'a') as file:\n"
            f"    print(json.dumps(sys.argv[1:]), file=file)\nprint({json.dumps(report, indent=4)!r})\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

        def read():
            for line in said.read_text().splitlines():
                words = json.loads(line)
                assert words[-2:] == ["--extra-vars", "a=1"]
                yield [Path(word).stem for word in words if word.endswith(".yml")][1:], json.loads(words[-3])

        return read

    @pytest.mark.parametrize(
        ("name", "plays"),
        [
            ("bridge", ["topology_up", "verify"]),
            ("routes", ["trace", "topology_up", "verify", "trace"]),
            ("hairpin", ["trace", "halfway", "trace", "topology_up", "verify", "trace"]),
            ("virtual_service", ["topology_up", "verify", "trace"]),
        ],
    )
    def test_a_connection_is_followed_where_it_tells_something(self, building, table, runs, name, plays):
        stage = next(stage for stage in table if stage["name"] == name)
        building.build(Path("inventory.yml"), stage, ["a=1"], behind=None)
        ((chosen, variables),) = runs()
        assert chosen == plays
        assert variables["lab_stage"] == name
        assert variables["trace_optional"] is True
        assert variables.get("trace_to") == (stage["trace"]["to"] if "trace" in stage else None)

    @pytest.mark.parametrize("name", ["routes", "hairpin", "second_server"])
    def test_where_the_lab_may_be_anywhere_it_is_taken_to_the_stage_before_first(self, building, table, runs, name):
        number = next(number for number, stage in enumerate(table) if stage["name"] == name)
        building.build(Path("inventory.yml"), table[number], ["a=1"], behind=table[number - 1])
        first, second = runs()
        assert first == (["topology_up"], {"lab_stage": table[number - 1]["name"]})
        assert (second[0][0], second[1]["lab_stage"]) == ("trace", name)
        assert second[1].get("trace_by") == table[number]["trace"].get("by")

    def test_without_the_stage_before_nothing_is_built(self, building, tour, table, monkeypatch):
        ran = []

        def ansible(_inventory, plays, _chosen, _variables):
            ran.append(plays)
            return building.Done(failures=["Bridge: no such device"])

        monkeypatch.setattr(building, "ansible", ansible)
        with pytest.raises(tour.Failed, match="no such device"):
            building.build(Path("inventory.yml"), table[5], [], behind=table[4])
        assert ran == [["topology_up.yml"]]

    def test_a_stage_that_compares_nothing_is_built_at_once(self, building, table, runs):
        building.build(Path("inventory.yml"), table[1], ["a=1"], behind=table[0])
        assert [plays for plays, _variables in runs()] == [["topology_up", "verify"]]


def test_state_of_an_installed_collection_is_in_the_users_folder(tour, monkeypatch, tmp_path):
    assert tour.state_folder() == FOLDER.parents[1] / ".lab"
    monkeypatch.setattr(tour, "IS_CHECKOUT", False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert tour.state_folder() == tmp_path / ".local/state/linuxnet-ipvs/lab"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/lib/me")
    assert tour.state_folder() == Path("/var/lib/me/linuxnet-ipvs/lab")


def test_a_shell_is_opened_as_the_place_of_the_lab_allows(tour, monkeypatch, tmp_path):
    assert tour.shell(tmp_path) == "make shell"
    monkeypatch.setattr(tour, "IS_CHECKOUT", False)
    assert tour.shell(tmp_path) == ""
    (tmp_path / "ssh_config").touch()
    assert tour.shell(tmp_path) == f"ssh -F {tmp_path}/ssh_config lab"
    (tmp_path / "enter").touch()
    assert tour.shell(tmp_path) == f"{tmp_path}/enter"
