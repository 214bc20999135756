"""Options on the command line and in a file: the same names, and one clear error for others."""

import click
import pytest
from click.testing import CliRunner

from retouch.errors import InvalidField
from retouch_daemon.front.worker_options import EngineMemory
from retouch_daemon.options import serve_options, settings_of


@pytest.fixture
def read():
    """Reads arguments to settings, as ``retouch serve`` does."""

    def run(*arguments):
        found = []

        @click.command()
        @serve_options
        def command(log_format, log_level, **options):
            found.append((settings_of(options), log_format))

        outcome = CliRunner().invoke(command, list(map(str, arguments)))
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        if outcome.exit_code:
            raise click.ClickException(outcome.output)
        return found[0]

    return run


@pytest.fixture
def config(tmp_path):
    def write(text):
        file = tmp_path / "retouch.toml"
        file.write_text(text)
        return file

    return write


def test_nothing_given_is_loopback_with_the_usual_limits(read):
    settings, form = read()
    assert settings.address == "127.0.0.1:7860" and settings.tls is None
    assert settings.status_address == "" and form == "text"
    assert settings.limits.client_bytes == 8 << 30
    assert settings.limits.free_bytes == 256 << 20
    assert settings.jobs.per_client == 1000
    assert settings.calls.per_second == 200


def test_a_file_says_what_the_command_line_can_say(read, config, tmp_path):
    (tmp_path / "weights").mkdir()
    file = config(
        """
        address = "127.0.0.1:0"
        folder = "data"
        client-jobs = 7
        client-bytes = "1.5 GiB"
        total-bytes = 1000
        client-calls-per-second = 3
        allow-operations = ["sdedit", "soft_mask"]
        models = ["weights"]
        drain-seconds = 2.5
        log-format = "json"
        """
    )
    settings, form = read("--config", file)
    assert settings.address == "127.0.0.1:0"
    assert settings.folder == tmp_path / "data", "relative to the file"
    assert settings.jobs.per_client == 7
    assert settings.limits.client_bytes == 3 << 29
    assert settings.limits.total_bytes == 1000
    assert settings.calls.per_second == 3.0
    assert settings.operations == ("sdedit", "soft_mask")
    assert settings.models == (tmp_path / "weights",)
    assert settings.drain_seconds == 2.5
    assert form == "json"


def test_the_command_line_goes_first(read, config):
    file = config("client-jobs = 7\nkeep-days = 3")
    settings, _ = read("--config", file, "--client-jobs", 8)
    assert (settings.jobs.per_client, settings.keep_days) == (8, 3.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("client-job = 7", "got 'client-job'.*allowed: address, .*Fix: use one of these"),
        ("client_jobs = 7", "got 'client_jobs'"),
        ("config = 'other.toml'", "got 'config'"),
        ("check = true", "got 'check'"),
        ("[limits]\nclient-jobs = 7", "got 'limits'"),
        ("client-jobs = true", "client-jobs = True.*as --client-jobs takes it"),
        ("client-jobs = [7]", r"client-jobs = \[7\]"),
        ("no-tcp = 1", "no-tcp = 1.*true or false"),
        ("client-jobs = 0", "client-jobs"),
        ("client-bytes = 'much'", "'much' is no number of bytes"),
        ("policy = 'none'", "policy"),
        ("client-jobs 7", "cannot read.*Fix: write TOML"),
    ],
)
def test_what_a_file_has_wrong_is_one_clear_error(read, config, text, words):
    with pytest.raises(click.ClickException) as caught:
        read("--config", config(text))
    import re

    assert re.search(words, " ".join(caught.value.message.split()))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (["--tls-cert", "a.pem"], "tls-key"),
        (["--tls-key", "a.pem"], "tls-cert"),
        (["--tls-client-ca", "a.pem"], "tls-cert"),
        (["--address", "0.0.0.0:1"], "address"),
        (["--no-tcp"], "address"),
        (["--allow-operations", "sdedit,typo"], "allow-operations"),
    ],
)
def test_what_does_not_go_together_is_said_by_name(read, given, field):
    with pytest.raises(InvalidField) as caught:
        read(*given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("12", 12),
        ("1K", 1024),
        ("1.5 MiB", 3 << 19),
        ("2gb", 2 << 30),
        ("1 TiB", 1 << 40),
    ],
)
def test_bytes_are_read_with_their_unit(read, text, count):
    assert read("--client-bytes", text)[0].limits.client_bytes == count


def test_what_the_engine_keeps_in_memory(read, config):
    settings, _ = read()
    assert settings.memory == EngineMemory() and EngineMemory().words() == ()
    file = config('model-bytes = "3 GiB"\ncache-bytes = 0\nmodel-idle-seconds = 90\n')
    settings, _ = read("--config", file)
    assert settings.memory == EngineMemory(3 << 30, 0, 90.0)
    words = "--model-bytes 3221225472 --cache-bytes 0 --model-idle-seconds 90.0"
    assert settings.memory.words() == tuple(words.split())
    with pytest.raises(click.ClickException, match="model-idle-seconds"):
        read("--model-idle-seconds", -1)
