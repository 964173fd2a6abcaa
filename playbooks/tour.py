# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walk through the stages of the lab, one by one: what is done, why, by which commands, and what curl says then.

At some stages a packet is followed as well, before and after what is done, and at one between its two halves.

It lies with the plays that it runs and the table that it reads, ``vars/stages.yml``. Where it has come to is kept in
``tour.json`` beside the inventory, so that it can be left at any time and goes on from there.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PLAYBOOKS = Path(__file__).resolve().parent
CHECKOUT = PLAYBOOKS.parent
WIDTH = 80
#: What a person can say between two stages.
ASKED = "Enter: build this stage, b: back, q: leave"
ANSWERS = ("", "b", "q")
#: The words of the table for a failure, as a person would say them
WORDS = {
    "refused": "refused or no route",
    "timeout": "timeout",
    "unreachable": "timeout or no route",
    "outside": "not asked",
    "nobody": "is not there yet",
}

#: The outcomes of a trace that a word of the table stands for
OUTCOMES = {
    "answered": {"answered"},
    "refused": {"refused"},
    "timeout": {"timeout"},
    "unreachable": {"timeout", "failed"},
}

#: The task that follows a packet
FOLLOWING = "Open a connection and follow it"
#: The plays with which another moment of a stage begins; what is traced ahead of them is ``before`` it.
MOMENTS = {"Do half of the stage": "halfway", "Build the topology": "after"}

Stage = Mapping[str, Any]


class Failed(Exception):
    """A stage could not be built, or is not what the table says."""


class Left(Exception):
    """The person at the terminal has had enough for now."""


@dataclass(frozen=True)
class Look:
    """How the text looks: with bold type where the terminal has it and nobody said NO_COLOR."""

    bold: bool

    def title(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.bold else text


@dataclass
class Done:
    """What a run of the plays reported."""

    changed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    matrix: list[dict[str, Any]] = field(default_factory=list)
    #: What packet_trace saw, by the moment
    followed: dict[str, dict[str, Any]] = field(default_factory=dict)


def stages(language: str) -> list[Stage]:
    """The table of stages, each with the texts of a language under ``text``."""
    table = yaml.safe_load((PLAYBOOKS / "vars" / "stages.yml").read_text(encoding="utf-8"))["lab_stages"]
    return [{**stage, "text": stage[language]} for stage in table if language in stage]


# Telling


def paragraph(text: str, indent: str = "  ") -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def command_lines(command: str) -> Iterator[str]:
    """A command in lines of a terminal's width, to be copied as it is."""
    lines = textwrap.wrap(command, WIDTH - 8, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines, start=1):
        yield ("  $ " if number == 1 else "    ") + line + (" \\" if number < len(lines) else "")


def before(number: int, count: int, stage: Stage, look: Look) -> Iterator[str]:
    """What is told of a stage before it is built."""
    text = stage["text"]
    yield ""
    yield look.title(f"Stage {number} of {count}: {text['title']} ({stage['name']})")
    yield ""
    yield from paragraph(text["done"])
    yield ""
    yield from paragraph(text["why"])
    yield ""
    yield "By hand, as root on the node:"
    for command in stage["commands"]:
        yield from command_lines(command)
    yield ""


def expected(cell: str | Sequence[str]) -> str:
    """A cell of the table in words."""
    return WORDS[cell] if isinstance(cell, str) else ", ".join(cell)


def seen(row: Mapping[str, Any]) -> str:
    """A row of the reachability matrix in words."""
    if not row["asked"]:
        return "not asked"
    return ", ".join(row["answers"]) or row["failure"].replace("without a route", "no route") or "nothing"


def after(stage: Stage, done: Done) -> Iterator[str]:
    """What is told of a stage that has been built: what was changed, and what curl says beside what it should."""
    if done.changed:
        yield "Ansible has changed:"
        for task in done.changed:
            yield from textwrap.wrap(task, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    else:
        yield "It was there already: Ansible has changed nothing."
    yield ""
    asked = [row for row in done.matrix if row["asked"]]
    if asked:
        yield f"{'What curl says':<32}{'now':<28}expected"
        for row in asked:
            cell = stage["expect"][row["client"]][row["target"]]
            mark = " " if row["as_expected"] else "!"
            pair = f"{row['client']} -> {row['url'].removeprefix('http://')}"
            yield f"{mark} {pair:<30}{seen(row):<28}{expected(cell)}"
        yield ""
    for client, reasons in stage["text"]["because"].items():
        for target, reason in reasons.items():
            name = "the virtual address" if target == "virtual" else target
            yield from textwrap.wrap(
                f"{client} to {name}: {reason}", WIDTH, initial_indent="  ", subsequent_indent="    "
            )
    yield from traces(stage, done)


# Telling what was seen of a packet


def traces(stage: Stage, done: Done) -> Iterator[str]:
    """What was seen of the connection that was followed, in the order of the moments."""
    told = [
        (_title(moment, stage["trace"][moment]), done.followed[moment], stage["trace"][moment])
        for moment in ("before", "halfway", "after")
        if moment in done.followed and moment in stage.get("trace", {})
    ]
    seen = [traced["remote"] for _title, traced, _wanted in told if "remote" in traced]
    if told:
        yield ""
        target = endpoint(**seen[0]) if seen else stage["trace"]["to"]
        yield f"A packet from {stage['trace']['from']} to {target}"
    for title, traced, wanted in told:
        mark = " " if fits(traced, wanted) else "!"
        first, *others = trace_lines(traced)
        yield from textwrap.wrap(f"{mark} {title}: {first}", WIDTH, subsequent_indent="    ")
        for line in others:
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            yield from textwrap.wrap(line.strip(), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def _title(moment: str, wanted: Mapping[str, Any]) -> str:
    """What a moment is called in the text."""
    switches = ", ".join(f"{name}={value}" for name, value in wanted.get("sysctl", {}).items())
    return {"before": "Before", "halfway": f"With {switches} alone", "after": "Now"}[moment]


def fits(traced: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a trace is what the table expects: its outcome, and what is told of it."""
    told = "\n".join(trace_lines(traced))
    return traced.get("outcome") in OUTCOMES[wanted["outcome"]] and all(text in told for text in wanted["says"])


def trace_lines(traced: Mapping[str, Any]) -> Iterator[str]:
    """A trace in short: how it ended, the way of each packet that tells something, and what follows from all that.

    Of a connection that was answered that is the first packet of either side, since the others went the same way.
    """
    yield traced["verdict"][0]["text"]
    answered = traced.get("outcome") == "answered"
    seen = set()
    for packet in traced["packets"]:
        key = packet["from_client"] if answered else (packet["from_client"], packet["name"])
        if key not in seen:
            seen.add(key)
            yield from packet_lines(packet)
    if not answered:
        # What was observed is in the ways already, where there are any.
        inferred = [sentence for sentence in traced["verdict"] if sentence["basis"] == "inferred"]
        for sentence in inferred or traced["verdict"][1:]:
            yield sentence["text"] + (f" (Inferred: {sentence['evidence']}.)" if sentence["evidence"] else "")


def packet_lines(packet: Mapping[str, Any]) -> Iterator[str]:
    """A packet's way: where it was changed, where a bridge passed it on, and where it ended."""
    stations = packet["stations"]
    times = f", sent {packet['attempts']} times" if packet["attempts"] > 1 else ""
    yield f"{packet['name']} from {stations[0]['netns']}{times}: {flow(stations[0]['before'])}"
    for station in stations:
        for change in station["changes"]:
            yield f"  {change['what']} becomes {change['after']}: {hook(station)}, {change['by']}"
        if (station["layer"], station["hook"]) == ("bridge", "forward"):
            yield f"  from {station['in_device']} to {station['out_device']}: {hook(station)}"
    last = stations[-1]
    if packet["end"] == "delivered":
        arrived = [station for station in stations if hook(station) == hook(last)]
        twice = ", twice," if len(arrived) > 1 else ""
        yield f"  delivered to {last['netns']}{twice} as {flow(last['after'] or last['before'])}"
    elif packet["end"] in ("left", "vanished"):
        yield f"  not seen after {hook(last)}"
    else:
        yield f"  {packet['end']} in {hook(last)}"


def hook(station: Mapping[str, Any]) -> str:
    layer = "bridge " if station["layer"] == "bridge" else ""
    return f"{layer}{station['hook']} of {station['netns']}"


def flow(packet: Mapping[str, Any]) -> str:
    source = endpoint(packet["source"], packet["source_port"])
    return f"{source} > {endpoint(packet['destination'], packet['destination_port'])}"


def endpoint(address: str, port: int) -> str:
    """An address of the lab with its port; ICMP has none."""
    return f"{address}:{port}" if port else address


# Building


def build(inventory: Path, stage: Stage, variables: Sequence[str], *, behind: Stage | None) -> Done:
    """Take the lab to a stage and prove it.

    Args:
        inventory: Where the lab is.
        stage: The stage; where it has a connection to follow, that is followed before it and behind the proof.
        variables: Further variables for Ansible.
        behind: The stage before. The lab may be at any other one, and is taken there first if a connection is to be
            followed there. None: there is none, or the lab is there.

    Raises:
        Failed: Ansible could not say what happened, or not take the lab to the stage before.
    """
    trace = stage.get("trace", {})
    if behind and "before" in trace:
        ready = ansible(inventory, ["topology.yml"], {"lab_stage": behind["name"]}, variables)
        if ready.failures:
            raise Failed("\n".join(ready.failures))
    plays = [
        *(["trace.yml"] if "before" in trace else []),
        *(["halfway.yml", "trace.yml"] if "halfway" in trace else []),
        *["topology.yml", "verify.yml"],
        *(["trace.yml"] if trace else []),
    ]
    # What is traced is judged here: a trace that cannot be made is no reason to leave the stage unbuilt.
    chosen = {"lab_stage": stage["name"], "trace_optional": True}
    chosen |= {f"trace_{name}": trace[name] for name in ("from", "to", "by") if name in trace}
    return ansible(inventory, plays, chosen, variables)


def ansible(inventory: Path, plays: Sequence[str], chosen: Mapping[str, Any], variables: Sequence[str]) -> Done:
    """Run plays.

    Raises:
        Failed: Ansible could not say what happened.
    """
    command = ["ansible-playbook", "--inventory", str(inventory), *(str(PLAYBOOKS / play) for play in plays)]
    command += ["--extra-vars", json.dumps(chosen)]
    for each in variables:
        command += ["--extra-vars", each]
    ran = subprocess.run(
        command,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_DEPRECATION_WARNINGS": "false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    report = last_report(ran.stdout)
    if report is None:
        raise Failed((ran.stderr or ran.stdout).strip())
    done = read(report)
    if ran.returncode != 0 and not done.failures:
        raise Failed((ran.stderr or ran.stdout).strip())
    return done


def last_report(output: str) -> Any:
    """The last report in JSON that Ansible printed: it prints one behind each playbook, with those before in it."""
    report = None
    decoder = json.JSONDecoder()
    start = 0 if output.startswith("{\n") else output.find("\n{\n") + 1
    while start >= 0 and output.startswith("{\n", start):
        report, end = decoder.raw_decode(output, start)
        start = output.find("{\n", end)
    return report


def read(report: Mapping[str, Any]) -> Done:
    """What the plays' report in JSON says of changes, failures, answers and traces."""
    done = Done()
    moment = "before"
    for play in report["plays"]:
        moment = MOMENTS.get(play["play"]["name"], moment)
        for task in play["tasks"]:
            for result in task["hosts"].values():
                name = task["task"]["name"].rpartition(" : ")[2]
                if result.get("changed") and name not in done.changed:
                    done.changed.append(name)
                if result.get("failed") or result.get("unreachable"):
                    done.failures.append(f"{name}: {_message(result)}")
                done.matrix = result.get("ansible_facts", {}).get("reachability_matrix", done.matrix)
                if "verdict" in result:
                    done.followed[moment] = result
                elif name == FOLLOWING and "msg" in result:
                    done.followed[moment] = unfollowed(_message(result))
    return done


def unfollowed(message: str) -> dict[str, Any]:
    """What stands for a trace that could not be made."""
    return {"verdict": [{"text": message, "basis": "observed", "evidence": ""}], "packets": []}


def _message(result: Mapping[str, Any]) -> str:
    items = [item for item in result.get("results", []) if item.get("failed")]
    return str((items[0] if items else result).get("msg", "failed")).strip()


# Walking


class Place:
    """Where the tour has come to, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def last(self) -> str | None:
        """The last stage that was walked, if there is one."""
        try:
            kept: str | None = json.loads(self._file.read_text(encoding="utf-8"))["stage"]
        except (FileNotFoundError, KeyError, TypeError, ValueError):
            return None
        return kept

    def keep(self, stage: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({"stage": stage}) + "\n", encoding="utf-8")


def first(names: Sequence[str], asked: argparse.Namespace, place: Place) -> int:
    """The number of the stage to begin with: that behind the last one, unless told otherwise."""
    if asked.start:
        return names.index(asked.start)
    last = place.last()
    if asked.restart or last not in names or last == names[-1]:
        return 0
    return names.index(last) + 1


def ask(question: str) -> str:
    """What the person at the terminal answers, one of ``ANSWERS``.

    Raises:
        Left: nothing more will come.
    """
    while True:
        try:
            answer = input(question).strip().lower()
        except EOFError as exc:
            raise Left from exc
        if answer in ANSWERS:
            return answer


def say(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


def walk(table: Sequence[Stage], asked: argparse.Namespace, place: Place, look: Look) -> None:
    """Walk to the last stage that is asked for.

    Raises:
        Failed: a stage is not as it should be.
        Left: the person at the terminal says so.
    """
    names = [stage["name"] for stage in table]
    number = first(names, asked, place)
    last = names.index(asked.end) if asked.end else len(names) - 1
    if number > 0 and not asked.start:
        print(f"Going on behind the stage {names[number - 1]}; --restart begins anew.")
    # Where this walk has taken the lab: wherever an earlier one has left it, somebody may have moved it since.
    there = None
    while number <= last:
        stage = table[number]
        say(before(number + 1, len(table), stage, look))
        if not asked.yes:
            answer = ask(f"[{ASKED}] ")
            if answer == "q":
                raise Left
            if answer == "b":
                number = max(number - 1, 0)
                continue
        print("Ansible is at work ...\n", flush=True)
        behind = table[number - 1] if number > 0 and there != names[number - 1] else None
        done = build(asked.inventory, stage, asked.extra_vars, behind=behind)
        if done.failures and not done.matrix:
            raise Failed("\n".join(done.failures))
        say(after(stage, done))
        if "after" in done.followed and not fits(done.followed["after"], stage["trace"]["after"]):
            done.failures.append("The packet that was followed went another way, or had another end.")
        if done.failures:
            raise Failed("\n".join(done.failures))
        there = stage["name"]
        place.keep(there)
        number += 1
    if last == len(names) - 1:
        print("\nThat is the whole lab. `make shell` opens a shell on its node.")


@contextmanager
def password_at_hand(wanted: bool) -> Iterator[None]:
    """Ask for sudo's password, and keep it where each run of Ansible finds it: for this user and meanwhile only."""
    if not wanted:
        yield
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(getpass.getpass("BECOME password: ") + "\n")
        file.flush()
        os.environ["ANSIBLE_BECOME_PASSWORD_FILE"] = file.name
        yield


def find_place() -> None:
    """Find or make a host for the lab.

    Raises:
        Failed: there is none; Ansible has said why.
    """
    if subprocess.run(["ansible-playbook", str(PLAYBOOKS / "create.yml")], check=False).returncode:
        raise Failed("There is no place for the lab.")


def arguments(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make tour", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--yes", action="store_true", help="ask nothing: no terminal is needed")
    parser.add_argument("--restart", action="store_true", help="begin at the first stage")
    parser.add_argument("--from", dest="start", choices=names, metavar="NAME", help="begin at this stage")
    parser.add_argument("--to", dest="end", choices=names, metavar="NAME", help="end behind this stage")
    parser.add_argument("--list", action="store_true", help="list the stages, and build none")
    parser.add_argument(
        "--inventory", type=Path, default=CHECKOUT / ".lab" / "inventory.yml", help="where the lab lives (%(default)s)"
    )
    parser.add_argument("--place", type=Path, help="the file that keeps the place (tour.json beside the inventory)")
    parser.add_argument("--create", action="store_true", help="find or make the lab's place first")
    parser.add_argument("--ask-become-pass", action="store_true", help="ask once for the password that sudo wants")
    parser.add_argument("--extra-vars", action="append", default=[], help="further variables for ansible-playbook")
    return parser


def main() -> int:
    table = stages("en")
    names = [stage["name"] for stage in table]
    parser = arguments(names)
    asked = parser.parse_args()
    if asked.list:
        for number, stage in enumerate(table, start=1):
            print(f"{number:3}  {stage['name']:<18} {stage['text']['title']}")
        return 0
    if not asked.yes and not sys.stdin.isatty():
        parser.error("there is no terminal to ask at: say --yes to walk without a question")
    look = Look(bold=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    place = Place(asked.place or asked.inventory.resolve().parent / "tour.json")
    try:
        with password_at_hand(asked.ask_become_pass):
            if asked.create:
                find_place()
            if not asked.inventory.exists():
                parser.error(f"there is no lab at {asked.inventory}: `make tour` makes one")
            walk(table, asked, place, look)
    except (KeyboardInterrupt, Left):
        last = place.last()
        print("\n`make tour` " + (f"goes on behind the stage {last}." if last else "begins at the first stage."))
    except Failed as exc:
        print(f"\nThis is not as it should be:\n{textwrap.indent(str(exc), '  ')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
