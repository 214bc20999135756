"""The gate: every picture passes it, and nothing else can turn Sealed into Released.

Before anything runs, ``admit`` reads every text and looks at every picture of a request. After,
``release`` goes in this order: finite check, detectors, watermark, its verification, receipt,
manifest, audit record, and only then the pixels. Whatever goes wrong on the way, including a bug
in a detector or a full disk, is a refusal: a gate that fails open is no gate.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn, final

from retouch_safety import marking
from retouch_safety.admission import Admission
from retouch_safety.audit import Entry, Event
from retouch_safety.color_profile import is_srgb, shown
from retouch_safety.content import Content, Pixels, bounding_box
from retouch_safety.content_copies import blurred, immutable, own_copy
from retouch_safety.credentials import Credentials, credentials_of, keep_manifest
from retouch_safety.detector_panel import THRESHOLDS, DetectorPanel, SelfTest
from retouch_safety.detectors import ClipSafetyChecker, Detector, installed_detectors
from retouch_safety.errors import Refused
from retouch_safety.fingerprint import fingerprint
from retouch_safety.foreign_marks import write_compatibility_mark
from retouch_safety.input_check import InputCheck
from retouch_safety.installation import Installation
from retouch_safety.job import Job
from retouch_safety.profiles import Profile
from retouch_safety.prompts import PromptFilter, PromptRefused, PromptRule
from retouch_safety.prompts.policy import policy_digest
from retouch_safety.receipt import DetectorScores, Receipt, digest_of
from retouch_safety.refusal import BROKEN, logged_prompts, refusal_entry, refusal_of, refusing
from retouch_safety.sealed import GATE_CAPABILITY, Released, Sealed
from retouch_safety.tilemark import Marked

#: Others' mark changes values that they read as sRGB.
_NOT_IN_PROFILE: Final = "not written: the picture has a colour profile of its own"
_LARGEST_RECORD: Final = (1 << marking.RECORD_BITS) - 1


@final
class Gate:
    """Checks, marks, signs and logs pictures. There is no gate without, and no way round it.

    Args:
        extra_detectors: looked at in addition to Open-NSFW; they add up, none replaces another.
        extra_rules: prompt rules in addition to our own.
        profile: ``standard``, ``strict`` or ``medical-art``; none relaxes the floor.
        installation: keys, certificate and log; default this user's own.
        compatibility_mark: also write the mark of Stable Diffusion XL into whole 8-bit pictures,
            for readers that know no other.

    Raises:
        ValueError: an unknown profile.
        DetectorFailed: a detector that an installed package adds cannot be loaded.
    """

    def __init__(
        self,
        extra_detectors: Sequence[Detector] = (),
        extra_rules: Sequence[PromptRule] = (),
        *,
        profile: Profile = "standard",
        installation: Installation | None = None,
        compatibility_mark: bool = False,
    ) -> None:
        if profile not in THRESHOLDS:
            raise ValueError(f"profile: got {profile!r}; allowed: {', '.join(THRESHOLDS)}")
        self.installation = Installation.default() if installation is None else installation
        detectors = (*_second_opinion(self.installation), *installed_detectors(), *extra_detectors)
        self._panel = DetectorPanel(detectors, THRESHOLDS[profile])
        self._compatible = compatibility_mark
        self._prompts = PromptFilter(profile, extra_rules)
        self._inputs = InputCheck(self._panel)
        rules = tuple(type(rule).__qualname__ for rule in extra_rules)
        self.policy = f"{profile}:{_digest(policy_digest(profile), *self._panel.names, *rules)}"
        """Profile and a digest of all that decides: it is in every receipt and record."""
        self._tested = False
        self._lock = threading.Lock()

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Gate cannot be subclassed")

    def admit(self, job: Job) -> Admission:
        """Read every text and look at every picture of a request, before anything runs.

        Args:
            job: what is asked; whatever is missing in it is not checked, so all of it.

        Returns:
            What :meth:`release` needs for the pictures that come of it.

        Raises:
            Refused: a check said no, or broke. The refusal is in the audit log.
        """
        try:
            self._test_once()
            with refusing("prompt"):
                try:
                    self._prompts.require(job.texts)
                except PromptRefused as found:
                    raise refusal_of(found) from None
            ingredients = self._inputs.passed(job, self.installation)
        except Refused as refusal:
            self._log_refusal(job, refusal)
            raise
        return Admission(GATE_CAPABILITY, self, job, ingredients)

    def release(
        self, sealed: Sealed, admission: Admission, *, record: int | None = None
    ) -> Released:
        """Check a picture, mark it, sign for it, log it, and release it.

        Pixels of a patch are set to zero where its alpha is 0: nothing unchecked hides there.
        In a composite, pixels outside the edited area keep their bits. The first preview of a
        request is blurred: detectors are less sure of what is half done.

        Args:
            sealed: the engine's picture; it is used up, whatever the outcome.
            admission: of the request that it came of.
            record: 32-bit id, to give the composite and the patch of one edit the same; default
                a new one.

        Raises:
            Refused: a check said no, or broke; nothing was released.
            AlreadyOpened: this sealed picture was released or refused before.
            TypeError: anything but a ``Sealed`` and an ``Admission`` of this gate.
            ValueError: a record of more than 32 bits.
        """
        if type(sealed) is not Sealed:
            raise TypeError(f"the gate takes Sealed pictures, got {type(sealed)}")
        if type(admission) is not Admission or admission.gate is not self:
            raise TypeError(f"release needs an admission of this gate, got {type(admission)}")
        if record is not None and not 0 <= record <= _LARGEST_RECORD:
            raise ValueError(f"record: got {record}; allowed: 0 to {_LARGEST_RECORD}")
        chosen = marking.new_record() if record is None else record
        content = sealed._unseal(GATE_CAPABILITY)
        try:
            return self._release(content, admission, chosen)
        except Refused as refusal:
            self._log_refusal(admission.job, refusal, chosen)
            raise

    def self_test(self) -> tuple[SelfTest, ...]:
        """Try every detector and the watermark on computed pictures, and the prompt filter."""
        return (*self._own_tests(), self._try_prompts())

    def _release(self, content: Content, admission: Admission, record: int) -> Released:
        self._test_once()
        with refusing("pixels"):
            content = own_copy(content, admission.job.document)
            seen = shown(content.pixels, content.icc)
        scores = self._detect(content, seen)
        with refusing("pixels"):
            if content.form == "preview" and admission.first_look():
                content = blurred(content)
                seen = shown(content.pixels, content.icc)
        with refusing("watermark"):
            keys = self.installation.keys.current
            content, note = self._compatibly_marked(content)
            if is_srgb(content.icc):
                seen = content.pixels
            marked = marking.mark(content, seen, record, keys)
        with refusing("receipt"):
            content = immutable(replace(content, pixels=marked.pixels))
            receipt = self._receipt(content, marked, keys.id, note, admission, record, scores)
        with refusing("manifest"):
            credentials, kept = self._signed_for(content, receipt, admission)
        with refusing("audit"):
            try:
                self.installation.audit.append(_entry(receipt, admission))
            except BaseException:
                if kept is not None:  # of a picture that was never released
                    kept.unlink(missing_ok=True)
                raise
        return Released(GATE_CAPABILITY, content, receipt, credentials)

    def _test_once(self) -> None:
        with self._lock:
            if self._tested:
                return
            with refusing("installation"):
                self.installation.prepare()
            with refusing("self-test"):
                for result in self._own_tests():
                    if not result.works:
                        advice = f"{result.name}: {result.detail}. {BROKEN}"
                        raise Refused("self-test", "failed", math.nan, math.nan, advice)
            self._tested = True

    def _own_tests(self) -> tuple[SelfTest, ...]:
        return (*self._panel.self_test(), marking.self_test(self.installation.keys.current))

    def _try_prompts(self) -> SelfTest:
        try:
            self._prompts.self_test()
        except Exception as error:  # a broken filter is a finding here, not a crash
            return SelfTest("prompt filter", False, str(error))
        return SelfTest("prompt filter", True, "known answer reproduced")

    def _detect(self, content: Content, seen: Pixels) -> tuple[DetectorScores, ...]:
        with refusing("detector"):
            region = bounding_box(content.edited > 0)
            # a layer's opacity is where it was edited; a document's may be a picture itself
            alpha = content.alpha if content.form == "composite" else None
            return self._panel.passed(seen, region, alpha)

    def _compatibly_marked(self, content: Content) -> tuple[Content, str]:
        if not self._compatible or content.form == "preview":
            return content, ""
        if not is_srgb(content.icc):
            return content, _NOT_IN_PROFILE
        writable = content.edited > 0
        if content.alpha is not None:
            writable &= content.alpha > 0
        found = write_compatibility_mark(content.pixels, writable)
        return replace(content, pixels=found.pixels), "written" if found.written else found.note

    def _receipt(
        self,
        content: Content,
        marked: Marked,
        key: int,
        compatibility: str,
        admission: Admission,
        record: int,
        scores: tuple[DetectorScores, ...],
    ) -> Receipt:
        job = admission.job
        receipt = Receipt(
            record=f"{record:08x}",
            job=job.id,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            form=content.form,
            operations=job.operations,
            model=job.model_name,
            policy=self.policy,
            detectors=scores,
            ingredients=admission.ingredients,
            mark=marked.status,
            mark_area=marked.region,
            mark_key=key,
            mark_note=marked.note,
            compatibility_mark=compatibility,
            fingerprint=fingerprint(content.pixels, content.icc),
            digest=digest_of(content.pixels, content.alpha),
        )
        return self.installation.receipts.sign(receipt)

    def _signed_for(
        self, content: Content, receipt: Receipt, admission: Admission
    ) -> tuple[Credentials | None, Path | None]:
        if content.form == "preview":  # gone in a second, and never a file
            return None, None
        source, version = admission.source(), admission.job.version
        credentials = credentials_of(content, receipt, source, version, self.installation)
        if credentials is None:
            return None, None
        return credentials, keep_manifest(content, credentials, self.installation)

    def _log_refusal(self, job: Job, refusal: Refused, record: int | None = None) -> None:
        # A log that cannot be written refuses, too: the refusal itself stands either way.
        try:
            self.installation.audit.append(refusal_entry(job, self.policy, refusal, record))
        except Exception as error:
            refusal.add_note(f"the refusal could not be logged: {error}")


def _second_opinion(installation: Installation) -> tuple[Detector, ...]:
    weights = installation.safety_checker
    return () if weights is None else (ClipSafetyChecker(weights),)


def _entry(receipt: Receipt, admission: Admission) -> Entry:
    highest = {each.detector: max(each.scores.values()) for each in receipt.detectors}
    return Entry(
        event=Event.RELEASED,
        job=receipt.job,
        record=int(receipt.record, 16),
        policy=receipt.policy,
        model=receipt.model,
        mark=receipt.mark.value,
        digest=receipt.digest,
        fingerprint=receipt.fingerprint,
        scores=highest,
        prompts=logged_prompts(admission.job),
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
