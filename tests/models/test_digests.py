"""Digests of installed models: of embedded ones, too, which have no record."""

from retouch.models.records import find_model
from retouch.models.store import digest_of, verify


def test_an_embedded_model_has_a_digest_though_its_record_has_none():
    record = find_model("retouch-mini-preview")
    assert not record.sha256
    assert digest_of(record) == verify("retouch-mini-preview").record.sha256
