# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is to reach whom: what each client asks, as one curl for each, and what its answers are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Options = Mapping[str, Any]

#: What curl writes behind each answer, between characters that no page has: its exit code, and its own words.
UNIT, RECORD = "\x1f", "\x1e"
#: Curl's exit codes for each way to fail: no connection or no route, and no answer in time (EXIT CODES in curl(1))
FAILURES = {"refused": ("7",), "timeout": ("28",), "unreachable": ("7", "28")}
WORDS = {"7": "refused or without a route", "28": "timeout"}
#: Tries at most, one each second, within the seconds of patience
_TRIES = "100"


@dataclass(frozen=True)
class Pair:
    """A client and a target: whether it is asked, how often, and what may come back.

    ``failure`` is the way in which it is to fail, empty where it is to be answered. ``every`` is whether each of the
    answers must come at least once, ``turns`` whether they must come in turn.
    """

    target: str
    url: str
    asked: bool
    answers: tuple[str, ...]
    requests: int
    every: bool
    turns: bool
    failure: str

    @classmethod
    def of(cls, client: str, target: Options, expectation: Options) -> Pair:
        """A pair from what the target says for all clients, and what is expected of this one instead."""
        clients = target.get("clients")
        said = {"asked": clients is None or client in clients, "every": True, **target, **expectation}
        failure = said.get("failure") or ""
        answers = () if failure else tuple(said.get("answers") or ())
        turns = bool(said.get("turns")) and not failure
        # Where servers take turns, each is to be seen twice; elsewhere one answer is proof enough, and so is a failure.
        enough = len(answers) * (2 if turns else 1) or 1
        return cls(
            target=target["name"],
            url=said["url"],
            asked=bool(said["asked"]),
            answers=answers,
            requests=1 if failure else int(said.get("requests") or enough),
            every=bool(said["every"]),
            turns=turns,
            failure=failure,
        )


@dataclass(frozen=True)
class Answer:
    """What curl said of one request: its exit code and words, and the page where there was one."""

    page: str
    code: str
    words: str


def pairs(client: Options, targets: Sequence[Options], expectations: Sequence[Options]) -> list[Pair]:
    """What a client asks, in the order of the targets."""
    expected = {(each["client"], each["target"]): each for each in reversed(expectations)}
    return [Pair.of(client["name"], target, expected.get((client["name"], target["name"]), {})) for target in targets]


def arguments(asked: Sequence[Pair], connect_timeout: int, patience: int) -> list[str]:
    """The arguments of a client's curl, one process that asks for all of it in this order.

    Args:
        connect_timeout: Seconds until a connection counts as failed; a whole answer may take twice that.
        patience: Seconds in which what is to be answered is tried again.
    """
    words: list[str] = []
    for pair in asked:
        if pair.asked:
            # Options hold up to --next.
            words += ["--next"] if words else []
            words += ["--silent", "--fail", "--noproxy", "*", "--globoff"]
            words += ["--connect-timeout", str(connect_timeout), "--max-time", str(connect_timeout * 2)]
            words += ["--write-out", UNIT + "%{exitcode}" + UNIT + "%{errormsg}" + RECORD]
            if not pair.failure:
                words += ["--retry", _TRIES, "--retry-delay", "1", "--retry-max-time", str(patience)]
                words += ["--retry-connrefused"]
            words += [pair.url] * pair.requests
    return words


def answers_of(output: str) -> Iterator[Answer]:
    """What a client's curl wrote, request by request."""
    for record in output.split(RECORD)[:-1]:
        page, code, words = [*record.split(UNIT), "", ""][:3]
        yield Answer(page.strip(), code, words)


def problem_of(pair: Pair, answers: Sequence[Answer]) -> str:
    """What is not as it should be between a client and a target, in words; empty where all is."""
    pages = [answer.page for answer in answers if answer.code == "0"]
    failed = next((answer for answer in answers if answer.code != "0"), None)
    if not pair.asked:
        return ""
    if pair.failure:
        if pages:
            return "answered by %s, where %s was expected" % (" and ".join(dict.fromkeys(pages)), pair.failure)
        if failed and failed.code in FAILURES[pair.failure]:
            return ""
    if failed:
        return failure_of(failed) + (", where %s was expected" % pair.failure if pair.failure else "")
    if len(pages) < pair.requests:
        return "curl ended before it had asked"
    strangers = [page for page in dict.fromkeys(pages) if pair.answers and page not in pair.answers]
    if strangers:
        return "answered by %s" % " and ".join(strangers)
    silent = [page for page in pair.answers if page not in pages]
    if silent and pair.every:
        return "%s did not answer in %d requests" % (" and ".join(silent), pair.requests)
    if pair.turns and pages[len(pair.answers) :] != pages[: -len(pair.answers)]:
        return "the servers do not take turns: %s" % ", ".join(pages)
    return ""


def failure_of(answer: Answer) -> str:
    """How curl says that a request failed."""
    return "curl exit code %s, %s" % (answer.code, answer.words)


def rows(client: Options, asked: Sequence[Pair], output: str) -> Iterator[dict[str, Any]]:
    """A row for each target, from what a client's curl wrote."""
    said = list(answers_of(output))
    for pair in asked:
        own = said[: pair.requests] if pair.asked else []
        said = said[len(own) :]
        problem = problem_of(pair, own)
        failed = next((answer for answer in own if answer.code != "0"), None)
        yield {
            "client": client["name"],
            "netns": client.get("netns"),
            "target": pair.target,
            "url": pair.url,
            "asked": pair.asked,
            "reached": pair.asked and not pair.failure and not problem,
            "failing": pair.failure != "",
            "answers": [answer.page for answer in own if answer.code == "0"],
            "failure": WORDS.get(failed.code, failure_of(failed)) if failed else "",
            "as_expected": not problem,
            "problem": problem,
        }
