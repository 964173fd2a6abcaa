# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `make` alone lists the targets. Nothing has to be activated: everything runs from .venv, which the targets make.

PYTHON ?= python3
# How tasks are run: mitogen_linear is many times faster on a slow node, linear is Ansible's own.
STRATEGY ?= mitogen_linear
# Further arguments for ansible-playbook (lab, picture, destroy), the tour, pytest (unit), molecule (scenario),
# ansible-test (sanity) or the measurements (bench)
ARGS ?=
# How many scenarios run at once (default: one for each processor)
JOBS ?=
# A folder of molecule/
NAME ?= default
# The suite of Debian that the kernel of the scenarios' machine comes from, such as trixie-backports (scenario, kernels)
SUITE ?=

COLLECTION := .venv/collections/ansible_collections/linuxnet/ipvs

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Named, because Ansible does not look for it in a folder that everybody may write to
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
lab tour picture destroy scenario scenarios kernels bench: export ANSIBLE_STRATEGY := $(STRATEGY)
lab tour picture destroy scenario scenarios kernels bench: export ANSIBLE_STRATEGY_PLUGINS := $(CURDIR)/.venv/strategy
# Each play would warn of a strategy that is not Ansible's own.
lab tour picture destroy bench: export ANSIBLE_DEPRECATION_WARNINGS := false

# Ask for sudo's password only if it is needed; one that sudo remembers for this terminal is no help to Ansible.
ASK_BECOME = $$([ "$$(id -u)" = 0 ] || sudo -kn true 2>/dev/null || echo --ask-become-pass)
# The same where the lab is there: only nodes on this machine's own kernel need sudo.
ASK_BECOME_NODE = $$(! grep -qs 'ansible_connection: local' .lab/inventory.yml || echo $(ASK_BECOME))

.PHONY: help venv lab tour picture shell destroy docs release test lint sanity unit versions scenarios scenario kernels bench tables changelog \
	constraints clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

## The lab

lab: venv ## Build the lab, or bring it up to date, and prove that everyone reaches everyone
	ansible-playbook playbooks/lab.yml $(ASK_BECOME) $(ARGS)

tour: venv ## Walk through the stages of the lab, or go on where you left: ARGS=--help says more
	@python playbooks/tour --create $(ASK_BECOME) $(ARGS)

shell: ## Open a shell on the lab's node, or on another one of several: make shell NODE=lab2
	@test ! -x .lab/enter || exec .lab/enter $(NODE)
	@test -x .lab/enter || test -f .lab/ssh_config || { echo "There is no lab here yet: make lab" >&2; exit 1; }
	@test -x .lab/enter || test -z "$(NODE)" || grep -qxF "Host $(NODE)" .lab/ssh_config || \
		{ echo "There is no node $(NODE) here, but $$(awk '$$1 == "Host" { print $$2 }' .lab/ssh_config)" >&2; exit 1; }
	@test -x .lab/enter || ssh -F .lab/ssh_config "$$(awk '$$1 == "Host" { print $$2; exit }' .lab/ssh_config)"

picture: venv ## Draw the lab as it is now
	@test -f .lab/inventory.yml || { echo "There is no lab here yet: make lab" >&2; exit 1; }
	ansible-playbook --inventory .lab/inventory.yml playbooks/picture.yml $(ASK_BECOME_NODE) $(ARGS)

destroy: venv ## Take the lab away, and only the lab
	ansible-playbook playbooks/lab_down.yml $(ASK_BECOME) $(ARGS)

## Tests

# A step that fails keeps none of the others from running.
test: .venv/test.stamp ## Run all tests: the five that follow
	@failed=; for step in lint sanity unit versions scenarios; do \
		$(MAKE) --no-print-directory $$step || failed="$$failed $$step"; \
	done; test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

lint: .venv/test.stamp ## Run the linters and the type checker
	@python tests/run/lint.py

sanity: .venv/test.stamp ## Run ansible-test's sanity tests
	@python tests/run/sanity.py $(ARGS)

unit: .venv/test.stamp ## Run the unit tests
	@pytest --numprocesses auto --junit-xml tests/output/junit/unit.xml $(ARGS)

versions: .venv/test.stamp ## Play the collection on the oldest and the newest ansible-core, on this machine's kernel
	@python tests/run/versions.py $(ARGS)

# Without KVM on a user-mode Linux, whose kernel is compiled once: several times faster than an emulated machine.
scenarios: .venv/test.stamp ## Run every Molecule scenario
	@python tests/run/scenarios.py --uml $(if $(JOBS),--jobs $(JOBS))

scenario: .venv/test.stamp ## Run one Molecule scenario: make scenario NAME=default
	@python tests/run/scenarios.py --show --suite=$(SUITE) $(NAME) $(ARGS)

kernels: .venv/test.stamp ## Run the modules' scenarios on newer kernels, or on SUITE's (not a part of `test`)
	@python tests/run/scenarios.py --kernels --suite=$(SUITE) $(if $(JOBS),--jobs $(JOBS))

bench: venv ## Make the lab anew, and measure it against its peers: ARGS=--help says what there is
	@python tests/bench/bench.py $(ARGS)

## Upkeep

tables: .venv/test.stamp ## Write what is made of sources: tables of variables, checks, the guide's playbook
	@python tests/write/role_tables.py
	@python tests/write/guide_tables.py
	@python tests/write/real_server.py
	@python tests/write/doctor_table.py
	@python tests/write/map.py
	@python tests/write/tested.py
	@python tests/write/guides.py
	@python tests/write/errors.py

release: .venv/test.stamp ## Make the tarball, and use it installed on the oldest and the newest ansible-core
	@python tests/run/release.py

docs: .venv/test.stamp ## Build the documentation's site
	@python tests/run/docs.py

changelog: .venv/test.stamp ## Write CHANGELOG.rst anew, with the modules and roles that there are
	antsibull-changelog release --update-existing --reload-plugins --refresh-plugins --refresh-fragments

constraints: .venv/test.stamp ## Pin what is installed in .venv
	pip freeze --exclude ansible --exclude ansible-core > constraints.txt

clean: ## Remove everything that these targets made (not the lab: make destroy)
	rm -rf .venv .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/output

venv: .venv/lab.stamp ## Install what the lab needs into .venv

.venv/lab.stamp: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	@test -x .venv/bin/pip || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@echo "Installing Ansible into .venv: about a minute, 550 MB"
	pip install --quiet --disable-pip-version-check --requirement requirements.txt
	mkdir -p $(dir $(COLLECTION))
	ln -sfn ../../../.. $(COLLECTION)
	for folder in kernel run write bench; do echo "$(CURDIR)/tests/$$folder"; done \
		>"$$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/checkout.pth"
	ln -sfn "$$(python -c 'import ansible_mitogen.plugins.strategy as s; print(s.__path__[0])')" .venv/strategy
	@touch $@

.venv/test.stamp: .venv/lab.stamp requirements-test.txt
	@echo "Installing the test tools into .venv: about half a minute"
	pip install --quiet --disable-pip-version-check --requirement requirements-test.txt
	@touch $@
