# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The become plugin: what it puts around a command, and that ansible-core never passes it over."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.linuxnet.ipvs.plugins.become import netns

#: What a shell plugin offers to a become plugin.
SHELL = SimpleNamespace(ECHO="echo", COMMAND_SEP=";", executable="/bin/sh")


class Options(netns.BecomeModule):
    """The plugin with its options given, and those of its documentation for the rest."""

    def __init__(self, **given):
        super().__init__()
        documented = yaml.safe_load(netns.DOCUMENTATION)["options"]
        self._options = {name: option.get("default") for name, option in documented.items()} | given
        self._load_name = self.name


def built(cmd="true", **given):
    return Options(**given).build_become_command(cmd, SHELL)


class Action(ActionBase):
    """An action plugin that does no more than all of them do; what is tested is how it runs a command."""

    def run(self, tmp=None, task_vars=None):
        return super().run(tmp, task_vars)


class Connection:
    """A connection that runs nothing, and tells what it was to run."""

    transport = "ssh"
    allow_executable = False
    _shell = SHELL
    ran = ""

    def __init__(self, remote_user, become):
        self.remote_user = remote_user
        self.become = become

    def get_option(self, name):
        return getattr(self, name)

    def exec_command(self, cmd, in_data=None, sudoable=True):
        self.ran = cmd
        return 0, b"", b""


@pytest.mark.parametrize("become_user", ["", None, "root", "deploy", "nobody"])
@pytest.mark.parametrize("remote_user", [None, "root", "deploy"])
def test_core_never_runs_a_command_outside(remote_user, become_user):
    """Core's own comparison of the two users, whoever they are; it passes sudo over where they are the same."""
    connection = Connection(remote_user, Options(netns="blue", become_user=become_user))
    action = Action(SimpleNamespace(), connection, SimpleNamespace(), None, None, None)
    action._low_level_execute_command("true")
    assert "netns exec blue" in connection.ran


@pytest.mark.parametrize(
    ("become_user", "remote_user", "unprivileged"),
    [
        ("", "root", False),
        ("", "deploy", False),
        ("root", "deploy", False),
        ("deploy", "deploy", False),
        ("nobody", "root", True),
        ("nobody", "deploy", True),
    ],
)
def test_core_hands_files_over_to_whom_they_are_for(become_user, remote_user, unprivileged):
    connection = Connection(remote_user, Options(netns="blue", become_user=become_user))
    connection._shell = SimpleNamespace(get_option=lambda name: ["root"])
    action = Action(SimpleNamespace(), connection, SimpleNamespace(), None, None, None)
    assert action._is_become_unprivileged() is unprivileged


def test_a_command_that_was_not_built_is_not_run():
    """The connection's last question before it starts a command, should core ever pass the plugin over."""
    plugin = Options(netns="blue")
    with pytest.raises(AnsibleError, match="outside the namespace"):
        plugin.expect_prompt()
    plugin.build_become_command("true", SHELL)
    assert not plugin.expect_prompt()


def test_nothing_to_run_is_nothing():
    assert built(cmd="", netns="blue") == ""


def test_no_namespace():
    with pytest.raises(AnsibleError, match="set the variable ansible_netns"):
        built()


@pytest.mark.parametrize(
    "name", ["a b", "a;b", "$(id)", "`id`", "a'b", 'a"b', "../a", "-a", ".a", "a\nb", "a" * 256, "a*", "{a}", "a/b"]
)
def test_bad_names_are_refused(name):
    with pytest.raises(AnsibleError, match=r"ansible_netns: .* is not valid"):
        built(netns=name)


@pytest.mark.parametrize("path", ["/", "/a b", "/a;b", "/run/../etc", "/$(id)", "/a'b", "/a\nb"])
def test_bad_paths_are_refused(path):
    with pytest.raises(AnsibleError, match=r"ansible_netns: .* is not valid"):
        built(netns=path)


@pytest.mark.parametrize("user", ["a b", "$(id)", "-u", "a;b", "a'b", "a\nb", "a/b"])
def test_bad_users_are_refused(user):
    with pytest.raises(AnsibleError, match=r"become_user: .* is not valid"):
        built(netns="blue", become_user=user)


#: A stand-in for sudo with -i or -s: it quotes as sudo's parse_args.c does, and hands all to a shell.
SUDO_SHELL = r"""#!%s
import os, re, sys
command = sys.argv[sys.argv.index("/bin/sh"):]
shell = [" ".join(re.sub(r"([^A-Za-z0-9_$-])", r"\\\1", word) for word in command)]
os.execve("/bin/sh", ["sh", "-c", *shell], {**os.environ, "IS_ROOT": "0"})
"""


# The command run by a real shell, with the tools replaced by such that tell how they were called.


@pytest.fixture
def run(tmp_path):
    """Run what the plugin builds, as a login of some user id, on a host with some tools."""

    def tool(name, script):
        file = tmp_path / name
        file.write_text("#!/bin/sh\n%s\n" % script)
        file.chmod(0o755)

    for name in ("tr", "sh", "cat", "true"):
        os.symlink("/usr/bin/%s" % name, tmp_path / name)

    def start(
        cmd="echo done", uid=0, tools=("ip", "nsenter", "sudo", "runuser"), stdin="", login=("/bin/sh",), **given
    ):
        tool("id", "case $* in -u) echo ${IS_ROOT:-%d};; '-u ghost') exit 1;; *) echo 1000;; esac" % uid)
        scripts = {
            # Both skip to the command. The last argument of runuser is one.
            "ip": '[ "$3" != broken ] || { echo "no \\"%s\\" $x" >&2; exit 1; }; echo "ip $*" >&2; shift 3; exec "$@"'
            % "x",
            "nsenter": 'echo "nsenter $*" >&2; while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
            "sudo": 'echo "sudo $*" >&2; case $1 in -i|-Hs|--login) exec sudo-shell "$@"; esac; '
            'while [ "$1" != /bin/sh ]; do shift; done; IS_ROOT=0 exec "$@"',
            "runuser": 'echo "runuser $*" >&2; eval "exec $5"',
        }
        for name, script in scripts.items():
            if name in tools:
                tool(name, script)
            else:
                (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / "sudo-shell").write_text(SUDO_SHELL % sys.executable)
        (tmp_path / "sudo-shell").chmod(0o755)
        plugin = Options(**given)
        command = plugin.build_become_command(cmd, SHELL)
        # The tools that the script finds behind the PATH of the login are the machine's own: out of sight.
        command = command.replace(":/usr/local/sbin:/usr/sbin:/sbin", "").replace("/run/netns/", "%s/" % tmp_path)
        done = subprocess.run(
            [*login, "-c", command],
            input=stdin,
            capture_output=True,
            text=True,
            env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
            check=False,
        )
        return done, plugin

    (tmp_path / "blue").touch()
    (tmp_path / "broken").touch()
    return start


def lines(done):
    """What was called, without the probes and without the scripts that were given."""
    return [line.split("/bin/sh")[0].strip() for line in done.stderr.splitlines() if line.startswith(TOOLS)]


TOOLS = ("ip ", "nsenter ", "sudo ", "runuser ")


def refused(done, plugin):
    """The answer to a task that cannot run: the mark of success, then what a failed module says."""
    assert done.returncode == 1
    mark, answer = done.stdout.splitlines()
    assert mark == plugin.success
    told = json.loads(answer)
    assert told["failed"] is True
    return told["msg"]


def test_root_needs_no_sudo(run):
    done, plugin = run(netns="blue", tools=("ip",))
    assert done.stdout.splitlines() == [plugin.success, "done"]
    assert lines(done) == ["ip netns exec blue"]


def test_another_login_becomes_root_first(run):
    done, plugin = run(netns="blue", uid=1000)
    assert done.stdout.splitlines() == [plugin.success, "done"]
    assert lines(done) == ["sudo -H -S -n", "ip netns exec blue"]


def test_password(run):
    done, plugin = run(netns="blue", uid=1000, become_pass="secret")
    assert plugin.expect_prompt()
    assert plugin.check_password_prompt(plugin.prompt.encode())
    assert lines(done)[0] == "sudo -H -S -p %s" % plugin.prompt
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "left"),
    [("-H -S -n", ["-H", "-S"]), ("-HSn", ["-HS"]), ("--non-interactive -H", ["-H"]), ("--login", ["--login"])],
)
def test_a_password_is_asked_for(flags, left):
    plugin = Options(netns="blue", become_flags=flags, become_pass="secret")
    plugin.build_become_command("true", SHELL)
    assert plugin._sudo_flags()[:-2] == left


def test_sudo_by_way_of_a_shell(run, tmp_path):
    """It keeps no line ends, and the shell would see what each ``$`` is."""
    given = {"netns": "blue", "mount": "%s/broken" % tmp_path, "uid": 1000, "become_flags": "-i -n"}
    done, plugin = run(cmd="cat", stdin="the module\n", **given)
    assert done.stdout.splitlines() == [plugin.success, "the module"], done.stderr
    assert lines(done) == ["sudo -i -n", "nsenter --mount=%s/broken --" % tmp_path, "ip netns exec blue"]
    assert "network namespace 'nope' does not exist" in refused(*run(**given | {"netns": "nope"}))


def test_another_user_inside(run):
    done, plugin = run(netns="blue", become_user="web")
    assert done.stdout.splitlines() == [plugin.success, "done"]
    assert lines(done)[0].startswith("ip netns exec blue")
    assert "runuser -s /bin/sh web -c /bin/sh -c" in done.stderr


def test_a_path(run, tmp_path):
    done, plugin = run(netns="%s/blue" % tmp_path)
    assert done.stdout.splitlines() == [plugin.success, "done"]
    assert lines(done) == ["nsenter --net=%s/blue --" % tmp_path]


def test_the_command_gets_its_input(run):
    """Pipelining feeds the module through standard input: nothing on the way may read from it."""
    done, _plugin = run(cmd="cat", stdin="the module\n", netns="blue", uid=1000, become_user="web")
    assert done.stdout.splitlines()[-1] == "the module"


@pytest.mark.parametrize("cmd", ['echo "it\'s" \'"$HOME"\' `echo a` \\\\ ; false || echo two', "printf '%s\n' 'a  b'"])
def test_the_command_arrives_as_it_was(run, cmd):
    alone = subprocess.run(["/bin/sh", "-c", cmd], capture_output=True, text=True, env={"PATH": "/"}, check=False)
    for flags in ("-H -S -n", "-i", "-Hs", "--login"):
        for given in ({}, {"become_user": "web"}, {"uid": 1000}, {"uid": 1000, "become_user": "web"}):
            done, _plugin = run(cmd=cmd, netns="blue", become_flags=flags, **given)
            assert done.stdout.splitlines()[1:] == alone.stdout.splitlines()
            assert done.returncode == alone.returncode


def test_no_such_namespace(run):
    told = refused(*run(netns="nope"))
    assert "network namespace 'nope' does not exist" in told
    assert "linuxnet.ipvs.netns" in told


def test_a_name_that_begins_another(run):
    assert "network namespace 'blu' does not exist" in refused(*run(netns="blu"))


def test_not_a_namespace(run):
    """What ip itself says is told, without the characters that would break the answer."""
    assert refused(*run(netns="broken")) == "cannot enter network namespace 'broken': no x "


@pytest.mark.parametrize(("given", "package"), [({"netns": "blue"}, "iproute2"), ({"netns": "/blue"}, "util-linux")])
def test_no_tool(run, given, package):
    told = refused(*run(tools=(), **given))
    assert "install the package %s" % package in told


def test_no_sudo(run):
    assert "no 'sudo' to become root" in refused(*run(netns="blue", uid=1000, tools=("ip",)))


def test_no_such_user(run):
    assert "no user 'ghost'" in refused(*run(netns="blue", become_user="ghost"))


def test_no_way_to_another_user(run):
    assert "neither 'runuser' nor 'su'" in refused(*run(netns="blue", become_user="web", tools=("ip",)))


def test_a_mount_namespace_is_entered_together_with_the_network_namespace():
    command = built(netns="/run/linuxnet-lab/lab1/net", mount="/run/linuxnet-lab/lab1/mnt")
    assert "--net=/run/linuxnet-lab/lab1/net --mount=/run/linuxnet-lab/lab1/mnt --" in command


@pytest.mark.parametrize(("uid", "before"), [(0, []), (1000, ["sudo -H -S -n"])])
def test_a_name_is_looked_up_in_the_mount_namespace(run, tmp_path, uid, before):
    """Nothing of the namespace is asked for before that is entered."""
    done, plugin = run(cmd="cat", stdin="the module\n", uid=uid, netns="blue", mount="%s/broken" % tmp_path)
    assert done.stdout.splitlines() == [plugin.success, "the module"]
    assert lines(done) == [*before, "nsenter --mount=%s/broken --" % tmp_path, "ip netns exec blue"]


def test_what_is_missing_in_a_mount_namespace_is_told(run, tmp_path):
    given = {"mount": "%s/broken" % tmp_path}
    told = refused(*run(netns="nope", **given))
    assert "network namespace 'nope' does not exist" in told
    assert "in mount namespace '%s/broken'" % tmp_path in told
    assert "no command 'nsenter': install the package util-linux" in refused(*run(netns="blue", tools=("ip",), **given))
    assert "no command 'ip': install the package iproute2" in refused(*run(netns="blue", tools=("nsenter",), **given))
    assert "mount namespace '/no/such' does not exist" in refused(*run(netns="blue", mount="/no/such"))


@pytest.mark.parametrize("path", ["relative", "/a b", "/a;b", "/run/../etc", "/$(id)"])
def test_bad_paths_of_mount_namespaces_are_refused(path):
    with pytest.raises(AnsibleError, match=r"ansible_netns_mount: .* is not valid"):
        built(netns="/run/netns/blue", mount=path)


def test_a_mount_namespace_that_is_not_there_is_named():
    done = subprocess.run(
        ["/bin/sh", "-c", built(netns="/proc/self/ns/net", mount="/run/no-such/mnt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "mount namespace '/run/no-such/mnt' does not exist" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "dash", "tcsh", "fish", "busybox"])
def test_the_login_may_have_any_shell(run, shell):
    """ssh hands a command to the login's own shell."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip("there is no %s here" % shell)
    login = (path, "sh") if shell == "busybox" else (path,)
    done, _plugin = run("echo 'It'\\''s' \"!done\" $((1 + 1)) %", uid=1000, netns="blue", login=login)
    assert done.stdout.splitlines()[-1] == "It's !done 2 %", done.stderr
    assert [line.split()[0] for line in lines(done)] == ["sudo", "ip"]


def test_what_the_logins_shell_gets_is_one_line_without_anything_of_a_shells_own():
    word = shlex.split(built(netns="blue", become_pass="secret"))[2]
    assert not set(word) & set("\n\t!$")


@pytest.mark.parametrize(
    "said",
    [
        b"%s",
        b"Welcome\n%s ",
        # sudo-rs 0.2.5 and 0.2.15
        b"[sudo: %s] Password: ",
    ],
)
def test_a_prompt_is_known_by_its_id(said):
    plugin = Options(netns="blue", become_pass="secret")
    plugin.build_become_command("true", SHELL)
    assert plugin.check_password_prompt(said % plugin.prompt.encode())
    assert not plugin.check_password_prompt(said % b"[sudo via ansible, key=another] password:")
    assert not Options(netns="blue").check_password_prompt(b"")


@pytest.mark.parametrize(
    ("wrong", "missing"),
    [
        (b"Sorry, try again.", b"sudo: a password is required"),
        (b"sudo-rs: Authentication failed, try again.", b"sudo-rs: interactive authentication is required"),
    ],
)
def test_wrong_and_missing_passwords_are_told_apart(wrong, missing):
    plugin = Options(netns="blue", become_pass="secret")
    plugin.build_become_command("true", SHELL)
    assert plugin.check_incorrect_password(wrong)
    assert plugin.check_missing_password(missing)
    with pytest.raises(AnsibleError, match="has not taken the password"):
        plugin.check_password_prompt(wrong + b"\n" + plugin.prompt.encode())
