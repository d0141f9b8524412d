# SPDX-License-Identifier: Apache-2.0
"""asectl keys: the file of who may call. What the loader makes of it: tests/e2e/test_access.py."""

import hashlib
import json

import pytest


@pytest.fixture
def keys(asectl, tmp_path):
    """keys("add", ..) -> what asectl keys said; keys.file is the file."""
    file = tmp_path / "keys"

    def run(*words, **options):
        return asectl("keys", *words, "--file", file, **options)

    run.file = file
    return run


def lines(keys):
    return [line.split() for line in keys.file.read_text().splitlines()]


def test_a_key_is_printed_once_and_its_hash_kept(keys):
    said = keys("add", "alice")
    key = said.out.strip()
    assert said.code == 0 and len(key) >= 40
    assert lines(keys) == [["alice", f"sha256:{hashlib.sha256(key.encode()).hexdigest()}", "call"]]
    assert keys.file.stat().st_mode & 0o777 == 0o600
    again = json.loads(keys("add", "alice", "--may", "call:svc,admin", "--json").out)
    assert again["key"] != key
    assert [line[2] for line in lines(keys)] == ["call", "call:svc,admin"]


def test_a_salt_is_in_front_of_the_key(keys):
    key = keys("add", "bob", "--salt").out.strip()
    ((_, hashed, _),) = lines(keys)
    scheme, salt, digest = hashed.split(":")
    assert (scheme, digest) == ("sha256", hashlib.sha256((salt + key).encode()).hexdigest())


def test_list_shows_no_whole_hash(keys):
    assert "no key yet" in keys("list").out
    keys("add", "alice")
    ((_, hashed, _),) = lines(keys)
    shown = keys("list").out
    assert "alice" in shown and hashed[7:15] in shown and hashed[7:20] not in shown


def test_remove_takes_all_of_an_id_or_one_and_leaves_comments(keys):
    keys.file.write_text("# ours\n")
    for name in ("alice", "alice", "bob"):
        keys("add", name)
    digest = lines(keys)[1][1].partition(":")[2]
    assert keys("remove", "alice", "--hash", digest[:8]).code == 0
    assert [line[0] for line in lines(keys)] == ["#", "alice", "bob"]
    keys("remove", "alice")
    assert keys.file.read_text().splitlines()[0] == "# ours"
    assert [line[0] for line in lines(keys)] == ["#", "bob"]
    said = keys("remove", "alice", code=1)
    assert "expected a key of alice, found none" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "a b"], "expected an id of letters"),
        (["add", "a", "--may", "all"], "expected call, call:SERVICE or admin, got 'all'"),
        (["add", "a", "--may", ""], "expected call, call:SERVICE or admin, got ''"),
    ],
)
def test_what_is_wrong_is_said(keys, words, said):
    assert said in keys(*words, code=1).err
    assert not keys.file.exists()


def test_a_file_that_is_none_is_left_alone(keys):
    keys.file.write_text("only two\n")
    answer = keys("add", "alice", code=1)
    assert "keys:1: expected an id, the hash of a key" in answer.err
    assert keys.file.read_text() == "only two\n"
