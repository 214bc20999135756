"""What is shipped for a studio: options that exist, a unit that systemd reads, an image."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from retouch_daemon.front.exposure import exposure
from retouch_daemon.options import serve_options, settings_of

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "examples/deploy"


def test_the_file_of_options_is_understood_and_safe(tmp_path, authority):
    shutil.copy(DEPLOY / "retouch.toml", tmp_path)
    authority.issue("server", hosts=("retouch.studio.lan",))
    found = []

    @click.command()
    @serve_options
    def command(log_format, log_level, **options):
        found.append(settings_of(options))

    outcome = CliRunner().invoke(command, ["--config", str(tmp_path / "retouch.toml")])
    assert outcome.exit_code == 0, outcome.output
    (settings,) = found
    assert settings.remote and settings.tls.names == ("retouch.studio.lan",)
    assert settings.drain_seconds == 60 and settings.jobs.per_client == 200
    assert "every machine that reaches this one" in "\n".join(exposure(settings))


@pytest.fixture
def unit():
    """The unit's sections; what is given several times is there once."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "retouch.service")
    return parser


def test_the_unit_waits_for_the_daemon_and_gives_it_time_to_stop(unit):
    service = unit["Service"]
    assert service["Type"] == "notify" and service["Restart"] == "on-failure"
    assert int(service["TimeoutStopSec"]) >= 60 + 30, "as long as it drains, and its grace"
    assert int(service["WatchdogSec"]) >= 10
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "RestrictNamespaces"):
        assert service[name] == "true"
    assert service["ProtectSystem"] == "strict" and service["CapabilityBoundingSet"] == ""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path):
    text = (DEPLOY / "retouch.service").read_text().replace("/opt/retouch/bin/retouch", "/bin/true")
    (tmp_path / "retouch.service").write_text(text)
    found = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "retouch.service"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    told = [line for line in found.stderr.splitlines() if "retouch.service" in line]
    assert (found.returncode, told) == (0, [])


def test_the_image_copies_what_there_is_and_runs_as_nobody_special():
    text = (DEPLOY / "Containerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    assert copied
    for each in " ".join(copied).split():
        assert (ROOT / each).exists(), each
    assert re.search(r"^USER \d+$", text, re.MULTILINE)


def test_the_composition_mounts_what_the_options_name():
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["retouch"]
    mounted = {volume.split(":")[1] for volume in service["volumes"]}
    for name in ("retouch.toml", "server.crt", "server.key"):
        assert f"/etc/retouch/{name}" in mounted
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
