"""Files that change are taken up by themselves."""

import threading

import pytest

from exporter.config import load_config
from exporter.runtime import Runtime
from exporter.watch import ConfigWatcher
from exporter.yamlsource import SourceError
from tests.scripted import Script


class Watched:
    """A configuration in a file, running and watched."""

    def __init__(self, folder, clock) -> None:
        self.path = folder / "c.yml"
        self.write("a")
        self.loads = 0
        self.types = Script().types()
        self.runtime = Runtime(self._load, clock)
        self.watcher = ConfigWatcher(self.runtime, 0)

    def write(self, *names: str) -> None:
        """Write a configuration of these accounts."""
        lines = [f"  - {{name: {name}, type: scripted}}\n" for name in names]
        self.path.write_text("providers:\n" + "".join(lines))

    def _load(self):
        self.loads += 1
        return load_config(self.path, {}, self.types)


@pytest.fixture
def watched(tmp_path, clock):
    """Return a running configuration."""
    made = Watched(tmp_path, clock)
    yield made
    made.runtime.close()


def test_an_unchanged_file_is_not_read_again(watched):
    """Looking costs a look."""
    watched.watcher.look()
    watched.watcher.look()
    assert watched.loads == 1


def test_a_changed_file_is_taken_up_once(watched):
    """After the reload the new file is the known one."""
    watched.write("a", "b")
    watched.watcher.look()
    watched.watcher.look()
    assert watched.loads == 2
    assert list(watched.runtime.config.accounts) == ["a", "b"]


def test_a_bad_file_is_tried_again_until_it_is_mended(watched, log_events):
    """What it lacks may be a file that is not known yet; its errors are logged once."""
    watched.path.write_text("providers: 1\n")
    for _ in range(3):
        watched.watcher.look()
    assert watched.loads == 4
    assert [event["event"] for event in log_events] == ["config_reload_failed"]
    assert list(watched.runtime.config.accounts) == ["a"]
    watched.write("b")
    watched.watcher.look()
    assert list(watched.runtime.config.accounts) == ["b"]


def test_a_file_that_vanishes_changes_nothing(watched):
    """While an editor replaces the file, the old configuration runs."""
    watched.path.unlink()
    watched.watcher.look()
    assert list(watched.runtime.config.accounts) == ["a"]


def test_a_symbolic_link_that_moves_is_a_change(watched, tmp_path):
    """Kubernetes swaps mounted files by moving a link."""
    content = watched.path.read_text()
    for number in (1, 2):
        (tmp_path / f"v{number}").mkdir()
        (tmp_path / f"v{number}" / "c.yml").write_text(content if number == 1 else content.replace(": a", ": z"))
    (tmp_path / "data").symlink_to("v1")
    watched.path.unlink()
    watched.path.symlink_to("data/c.yml")
    watched.watcher.look()
    (tmp_path / "new").symlink_to("v2")
    (tmp_path / "new").rename(tmp_path / "data")
    watched.watcher.look()
    assert list(watched.runtime.config.accounts) == ["z"]


def test_a_bug_does_not_end_the_watch(watched, log_events, monkeypatch):
    """Whatever a reload raises is logged, and the next look comes all the same."""
    raised = threading.Semaphore(0)

    def broken():
        raised.release()
        raise RuntimeError("a bug")

    monkeypatch.setattr(watched.runtime, "reload", broken)
    watched.write("b")
    watcher = ConfigWatcher(watched.runtime, 0.001)
    watcher.start()
    assert raised.acquire(timeout=10)
    assert raised.acquire(timeout=10)
    watcher.stop()
    assert {event["event"] for event in log_events} == {"config_watch_failed"}


def test_an_interval_of_zero_never_looks(watched):
    """``--config.auto-reload-interval 0s`` starts no thread."""
    before = threading.active_count()
    watched.watcher.start()
    assert threading.active_count() == before


def test_the_first_load_raises_what_is_wrong(tmp_path, clock):
    """There is no old configuration to keep at the start."""
    path = tmp_path / "c.yml"
    path.write_text("providers: 1\n")
    with pytest.raises(SourceError):
        Runtime(lambda: load_config(path, {}, Script().types()), clock)
