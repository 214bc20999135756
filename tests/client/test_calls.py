"""What every call carries: a token, and a name that the daemon takes as it is."""

import pytest

from retouch.client.calls import metadata_of
from retouch.client.finding import Endpoint
from retouch.errors import InvalidField


@pytest.fixture
def endpoint(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    return Endpoint("127.0.0.1:7860", tmp_path / "token")


@pytest.mark.parametrize("name", ["python", "krita-5.2_anna", "x" * 64])
def test_a_name_goes_with_the_token(endpoint, name):
    assert dict(metadata_of(endpoint, name)) == {
        "authorization": "Bearer secret", "retouch-client": name
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "two words", "Jörg", "x" * 65, "a/b"])
def test_a_name_that_the_daemon_would_not_take_is_said(endpoint, name):
    """It was taken for ``default``, together with everybody else's."""
    with pytest.raises(InvalidField) as caught:
        metadata_of(endpoint, name)
    assert (caught.value.field, caught.value.value) == ("name", name)


def test_a_token_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(InvalidField, match="retouch serve"):
        metadata_of(Endpoint("127.0.0.1:7860", tmp_path / "absent"), "python")
