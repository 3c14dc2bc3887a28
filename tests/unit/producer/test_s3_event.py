"""Reading of bucket events: every form, unusual keys, and texts that are no event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.drops.bucket_event import EventReading, ObjectCreated, read_event

ENCODED = "tenant+a/claim%2B1+100%25+%E4%BF%9D.pdf"
KEY = "tenant a/claim+1 100% 保.pdf"


def _record(key: str = ENCODED, name: str = "ObjectCreated:Put", **changes: Any) -> dict[str, Any]:
    """Return a record in AWS' form."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2025-05-03T12:00:00.000Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "drops",
            "bucket": {"name": "incoming", "arn": "arn:aws:s3:::incoming"},
            "object": {
                "key": key,
                "size": 1024,
                "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
                "sequencer": "0055AED6DCD90281E5",
            },
        },
    }
    return {**record, **changes}


def _bare(bucket: str, key: str) -> dict[str, Any]:
    return {"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}


def _sns(message: Any, kind: str = "Notification") -> dict[str, Any]:
    return {
        "Type": kind,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:drops",
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps(message),
        "SignatureVersion": "1",
    }


def _bridge(key: str = KEY, kind: str = "Object Created") -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "resources": ["arn:aws:s3:::incoming"],
        "detail": {
            "version": "0",
            "bucket": {"name": "incoming"},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "617f08299329d189",
            },
            "reason": "PutObject",
        },
    }


def _minio() -> dict[str, Any]:
    record = _record(eventVersion="2.0", eventSource="minio:s3", eventName="s3:ObjectCreated:Copy")
    return {"EventName": "s3:ObjectCreated:Copy", "Key": f"incoming/{KEY}", "Records": [record]}


def _seaweed(path: str, kind: str = "create", message: Any = None) -> dict[str, Any]:
    return {"event_type": kind, "key": path, "message": message or {"new_entry": {}}}


@pytest.mark.parametrize(
    ("event", "keys"),
    [
        ({"Records": [_record()]}, [(KEY, ENCODED)]),
        (_sns({"Records": [_record()]}), [(KEY, ENCODED)]),
        (_sns(_bridge()), [(KEY,)]),
        (_bridge(), [(KEY,)]),
        (_bridge("claim+1%20.pdf"), [("claim+1%20.pdf",)]),
        (_minio(), [(KEY, ENCODED)]),
        (_seaweed(f"/buckets/incoming/{KEY}"), [(KEY,)]),
        (_seaweed("/buckets/incoming/100%.pdf", "update"), [("100%.pdf",)]),
        (
            _seaweed(
                "/buckets/incoming/a.tmp",
                "rename",
                {"new_parent_path": "/buckets/incoming/b", "new_entry": {"name": "a.pdf"}},
            ),
            [("a.tmp",), ("b/a.pdf",)],
        ),
        ({"Records": [_bare("incoming", "a.pdf")]}, [("a.pdf",)]),
        ({"Records": [_record("a.pdf", eventVersion="2.6")]}, [("a.pdf",)]),
        ({"Records": [_record(f"{n}.pdf") for n in range(3)]}, [(f"{n}.pdf",) for n in range(3)]),
        ({"Records": [_record(), _record()]}, [(KEY, ENCODED)]),
        ({"Records": [_record("%FF.pdf")]}, [("%FF.pdf",)]),
        ({"Records": [_record("a%2Fb.pdf", "ObjectCreated:Copy")]}, [("a/b.pdf", "a%2Fb.pdf")]),
    ],
)
def test_a_created_object_is_read_under_its_very_key(
    event: Any, keys: list[tuple[str, ...]]
) -> None:
    """In every shape; where the encoding is in doubt, the decoded key stands first."""
    reading = read_event(json.dumps(event))
    assert reading.refused == ()
    assert [(one.bucket, one.keys) for one in reading.created] == [("incoming", k) for k in keys]


@pytest.mark.parametrize("event", [{"Records": [_record()]}, _bridge()])
def test_what_an_event_says_of_the_version_is_read(event: Any) -> None:
    """S3 and EventBridge spell it differently."""
    (created,) = read_event(json.dumps(event)).created
    assert created.etag
    assert created.version_id
    assert created.sequencer
    assert created.size in {5, 1024}


@pytest.mark.parametrize(
    "event",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "incoming"},
        _sns({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
        {"Records": [_record(name="ObjectRemoved:Delete")]},
        {"Records": [_record(name="s3:ObjectRemoved:DeleteMarkerCreated")]},
        {"Records": [_record(name="ObjectTagging:Put")]},
        _bridge(kind="Object Deleted"),
        _bridge(kind="Object Tags Added"),
        {"Records": [_record("folder/")]},
        {"Records": [_record("a%2F")]},
        {"Records": [_record(".uploads/7/0001.part")]},
        _seaweed("/buckets/incoming/.uploads/7/0001.part"),
        _seaweed("/buckets/incoming/folder/"),
        _seaweed("/buckets/incoming/a.pdf", "delete"),
    ],
)
def test_what_creates_no_document_is_passed(event: Any) -> None:
    """Tests of S3, deletions, tags, folders and parts of uploads need nothing, and say so."""
    reading = read_event(json.dumps(event))
    assert (reading.created, reading.refused) == ((), ())
    assert all(reading.passed)
    assert reading.passed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "no JSON"),
        ("not json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        ('{"n": ' + "9" * 10_000 + "}", "no"),
        ("null", "no event"),
        ("7", "no event"),
        ("[]", "no event"),
        ("{}", "no event"),
        (json.dumps({"Records": {}}), "no event"),
        (json.dumps({"Records": [{}, 7, None]}), "no bucket and key"),
        (json.dumps({"Records": [{"s3": {"bucket": {"name": 7}}}]}), "no bucket and key"),
        (json.dumps({"Records": [_record(eventSource="aws:sqs")]}), "'aws:sqs'"),
        (json.dumps({"Records": [_record(eventVersion="3.0")]}), "'3.0'"),
        (json.dumps({"Records": [_record("k" * 1025)]}), "1,025 bytes"),
        (json.dumps({"Records": [_record("")]}), "empty"),
        (json.dumps({"Records": [_bare("", "a.pdf")]}), "bucket is empty"),
        ('{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "\\ud800"}}}]}', "Uni"),
        (json.dumps({**_bridge(), "detail": []}), "no bucket and key"),
        (json.dumps({"source": "aws.s3", "detail-type": "Object Created"}), "no event"),
        (json.dumps(_sns("x", kind="SubscriptionConfirmation")), "SubscriptionConfirmation"),
        (json.dumps(_sns("{not json")), "no event"),
        (json.dumps(_sns(_sns(_sns({"Records": [_record()]})))), "Notification"),
        (json.dumps({"Type": "Notification", "Message": "{not json"}), "no JSON"),
        (json.dumps(_seaweed("/topics/incoming/a.pdf")), "no bucket"),
        (json.dumps({"event_type": "create"}), "no event"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(body: str | bytes, said: str) -> None:
    """So that a sender that is set up wrongly is seen."""
    reading = read_event(body)
    assert reading.created == ()
    assert said in " ".join(reading.refused)


def test_a_broken_record_does_not_hide_its_neighbours() -> None:
    """They are read, and the message is refused all the same."""
    reading = read_event(json.dumps({"Records": [7, _record("a.pdf"), {}]}))
    assert [one.keys for one in reading.created] == [("a.pdf",)]
    assert len(reading.refused) == 2


def test_a_huge_message_is_read() -> None:
    """SQS allows a mebibyte."""
    reading = read_event(json.dumps({"Records": [_record(f"{n}.pdf") for n in range(2000)]}))
    assert len(reading.created) == 2000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
NAMES = st.text(max_size=12) | JSON
EVENTS = st.one_of(
    st.fixed_dictionaries({"Records": st.lists(JSON | st.builds(_bare, NAMES, NAMES))}),
    st.builds(_record, st.text(max_size=30), NAMES, eventVersion=JSON, eventSource=NAMES).map(
        lambda record: {"Records": [record]}
    ),
    st.builds(_bridge, NAMES, NAMES),
    st.builds(_seaweed, NAMES, NAMES | st.just("rename"), NAMES),
    JSON,
)


def test_a_version_in_seaweeds_own_folder_is_one_of_its_object() -> None:
    """A key that only looks a little like it is a key."""
    path = "/buckets/incoming/a/b.pdf.versions/v_6714d489708301794c168f6eb1857847"
    (created,) = read_event(json.dumps(_seaweed(path))).created
    assert (created.keys, created.version_id) == (
        ("a/b.pdf",),
        "6714d489708301794c168f6eb1857847",
    )
    (other,) = read_event(json.dumps(_seaweed("/buckets/incoming/b.versions/v_1.pdf"))).created
    assert (other.keys, other.version_id) == (("b.versions/v_1.pdf",), None)


@given(st.one_of(EVENTS.map(json.dumps), EVENTS.map(_sns).map(json.dumps), st.text(), st.binary()))
def test_no_message_breaks_the_reader(body: str | bytes) -> None:
    """Whatever it holds: it is read, passed or refused, and what is read can be looked for."""
    reading = read_event(body)
    assert isinstance(reading, EventReading)
    for created in reading.created:
        assert created.bucket.encode()
        assert all(key.encode() for key in created.keys)


@given(st.text(min_size=1, max_size=60).filter(lambda key: not key.endswith("/")))
def test_every_key_that_bridge_sends_is_taken_as_it_is(key: str) -> None:
    """EventBridge does not encode keys."""
    (created,) = read_event(json.dumps(_bridge(key))).created
    assert created == ObjectCreated(
        "incoming",
        (key,),
        version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        etag="b1946ac92492d2347c6235b4d2611184",
        sequencer="617f08299329d189",
        size=5,
    )
