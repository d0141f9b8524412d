# SPDX-License-Identifier: Apache-2.0
"""The pool of instances: who is loaded, who goes, who waits. No host is needed for it."""

import gc
import threading

import pytest
from aiges.contracts.aipod._pool import Pool
from waiting import wait_until


class Models:
    """Makes models that say what happens to them; ``hold`` keeps a version from being made."""

    def __init__(self):
        self.said, self.held, self.broken = [], {}, set()

    def hold(self, version):
        self.held[version] = threading.Event()
        return self.held[version].set

    def make(self, version):
        self.said.append(f"load {version}")
        if version in self.held:
            assert self.held[version].wait(20)
        if version in self.broken:
            raise RuntimeError(f"no {version}")
        return Model(self, version)


class Model:
    def __init__(self, models, version):
        self.models, self.version, self.disposed = models, version, False

    def dispose(self):
        self.disposed = True
        self.models.said.append(f"dispose {self.version}")


@pytest.fixture
def models():
    return Models()


def use(pool, version):
    """Take it and give it back."""
    entry = pool.take_now(version)
    pool.give(entry)
    return entry


def in_background(function, *arguments):
    got = []
    thread = threading.Thread(target=lambda: got.append(function(*arguments)), daemon=True)
    thread.start()
    return thread, got


def test_one_place_makes_each_switch_a_load(models):
    pool = Pool(models.make, 1)
    for version in "abab":
        use(pool, version)
    assert models.said == [
        *("load a", "dispose a", "load b"),
        *("dispose b", "load a", "dispose a", "load b"),
    ]


def test_used_longest_ago_goes_first(models):
    pool = Pool(models.make, 2)
    for version in ("a", "b", "a", "c", "a", "b"):
        use(pool, version)
    assert models.said == ["load a", "load b", "dispose b", "load c", "dispose c", "load b"]


@pytest.mark.parametrize("size", [0, -3])
def test_no_limit(models, size):
    pool = Pool(models.make, size)
    for version in [*"abcdefghij"] * 2:
        use(pool, version)
    assert models.said == [f"load {version}" for version in "abcdefghij"]


def test_one_in_use_is_disposed_of_when_idle_and_the_next_waits_for_that(models):
    pool = Pool(models.make, 1)
    used = pool.take_now("a")
    thread, got = in_background(use, pool, "b")
    wait_until(lambda: used.leaving, "a to be on its way out")
    assert models.said == ["load a"] and not used.model.disposed
    pool.give(used)
    thread.join(10)
    assert got and models.said == ["load a", "dispose a", "load b"]


def test_an_idle_one_goes_before_one_in_use(models):
    pool = Pool(models.make, 2)
    used = pool.take_now("a")
    use(pool, "b")
    use(pool, "c")
    assert models.said == ["load a", "load b", "dispose b", "load c"]
    pool.give(used)


def test_a_load_makes_no_other_version_wait(models):
    pool = Pool(models.make, 3)
    go_on = models.hold("slow")
    thread, _ = in_background(use, pool, "slow")
    wait_until(lambda: "load slow" in models.said, "the slow load")
    use(pool, "a")
    use(pool, "a")
    assert models.said == ["load slow", "load a"]
    go_on()
    thread.join(10)


def test_many_who_want_one_version_load_it_once(models):
    pool = Pool(models.make, 1)
    go_on = models.hold("a")
    threads = [in_background(use, pool, "a") for _ in range(20)]
    wait_until(lambda: models.said, "the load")
    go_on()
    for thread, _ in threads:
        thread.join(10)
    entries = {id(got[0]) for _, got in threads}
    assert len(entries) == 1 and models.said == ["load a"]


def test_loads_for_one_place_take_turns(models):
    pool = Pool(models.make, 1)
    go_on = models.hold("a")
    first, _ = in_background(use, pool, "a")
    wait_until(lambda: models.said, "the load of a")
    second, _ = in_background(use, pool, "b")
    go_on()
    first.join(10)
    second.join(10)
    assert models.said == ["load a", "dispose a", "load b"]


def test_a_constructor_that_raises_is_asked_again(models):
    pool = Pool(models.make, 1)
    models.broken.add("a")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no a"):
            use(pool, "a")
    models.broken.clear()
    use(pool, "a")
    assert models.said == ["load a"] * 3


def test_a_load_that_no_thread_can_begin_is_asked_again(models, monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    pool = Pool(models.make, 1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        for version in ("a", "b", "a"):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                use(pool, version)
    use(pool, "a")
    assert models.said == ["load a"]


def test_a_new_generation_is_loaded_and_the_old_one_finishes(models):
    generation = {"a": 1}
    pool = Pool(models.make, 2, signature=generation.get)
    old = pool.take_now("a")
    generation["a"] = 2
    new = use(pool, "a")
    assert new is not old and not old.model.disposed
    pool.give(old)
    assert models.said == ["load a", "load a", "dispose a"]
    pool.renew(new, 3)
    generation["a"] = 3
    assert use(pool, "a") is new


def test_one_that_is_trained_stays_beside_the_others(models):
    pool = Pool(models.make, 1)
    trained = pool.take_now("a")
    pool.begin_training(trained)
    use(pool, "b")  # Has a place of its own,
    assert use(pool, "a") is trained  # and log() of the training finds it.
    use(pool, "b")
    assert models.said == ["load a", "load b"]
    reader = pool.take_now("a")
    pool.end_training(trained)
    assert models.said == ["load a", "load b"]  # Somebody reads its log still.
    pool.give(reader)
    assert models.said[2:] == ["dispose a"]
    assert use(pool, "a") is not trained


def test_what_dispose_raises_stops_nobody(models, caplog):
    pool = Pool(models.make, 1)
    entry = use(pool, "a")
    entry.model.dispose = None
    use(pool, "b")
    entry = use(pool, "c")

    def broken():
        raise RuntimeError("no GPU")

    entry.model.dispose = broken
    use(pool, "d")
    assert "no GPU" in caplog.text and models.said[-1] == "load d"


def test_close_disposes_of_all_that_is_idle(models):
    pool = Pool(models.make, 0)
    use(pool, "a")
    used = pool.take_now("b")
    pool.close()
    assert models.said == ["load a", "load b", "dispose a"]
    pool.give(used)


def test_many_threads_and_few_places(models, monkeypatch):
    """Whatever they do, nobody serves what is disposed of, and no more than two are there."""
    monkeypatch.setattr(gc, "collect", lambda: 0)  # Of all that pytest has it takes its time.
    lock, there, most, failures = threading.Lock(), [0], [0], []

    class Counted(Model):
        def __init__(self, version):
            super().__init__(models, version)
            with lock:
                there[0] += 1
                most[0] = max(most[0], there[0])

        def dispose(self):
            super().dispose()
            with lock:
                there[0] -= 1

    pool = Pool(Counted, 2)

    def work(seed):
        for step in range(60):
            entry = pool.take_now("abcde"[(seed * 7 + step * 3) % 5])
            if entry.model is None or entry.model.disposed:
                failures.append(entry.version)
            pool.give(entry)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert failures == [] and most[0] <= 2
