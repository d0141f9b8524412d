# SPDX-License-Identifier: Apache-2.0
"""What ``monitor`` fetches, and how it takes the place of what is served."""

import contextlib
import hashlib
import io
import os
import socket
import tarfile
import threading

import pytest
from aiges.contracts.paddle.server import _install, _monitor, _sources
from paddle_command import run

CONF = """feed_var { name: "x" alias_name: "x" feed_type: 1 shape: 13 }
fetch_var { name: "y" alias_name: "y" fetch_type: 1 shape: 1 }
"""


def model(folder, content=b"one", name="model"):
    folder.mkdir(parents=True)
    (folder / f"{name}.pdmodel").write_bytes(content)
    (folder / f"{name}.pdiparams").write_bytes(content)
    (folder / "serving_server_conf.prototxt").write_text(CONF)
    return folder


def packed(file, folder, inner="serving"):
    with tarfile.open(file, "w:gz") as archive:
        archive.add(folder, inner)


def monitor(tmp_path, source, *more):
    words = ["--remote_path", "/remote", "--remote_model_name", "model.tar.gz"]
    words += ["--remote_donefile_name", "done", "--local_path", str(tmp_path / "local"), *more]
    given = _monitor._parser().parse_args(words)
    return _monitor.Monitor(given, source)


@pytest.fixture
def remote(tmp_path):
    """A folder with a packed model and its done file."""
    folder = tmp_path / "root" / "remote"
    folder.mkdir(parents=True)
    packed(folder / "model.tar.gz", model(tmp_path / "made"))
    digest = hashlib.sha256((folder / "model.tar.gz").read_bytes()).hexdigest()
    (folder / "done").write_text(f"{digest}  model.tar.gz\n")
    return folder


def test_a_folder_and_its_sum(tmp_path, remote, caplog):
    watched = monitor(tmp_path, _sources.general(str(remote.parent)))
    target = tmp_path / "local" / "_serving_model"
    assert watched.look() and not watched.look()
    assert (target / "model.pdmodel").read_bytes() == b"one"
    assert (target / "fluid_time_file").exists()
    assert "SHA-256" not in caplog.text
    # Another sum than that of the model: nothing changes, and it is tried again.
    (remote / "done").write_text("0" * 64)
    os.utime(remote / "done", (2e9, 2e9))
    for _ in range(2):
        with pytest.raises(ValueError, match="SHA-256"):
            watched.look()
    assert (target / "model.pdmodel").read_bytes() == b"one"
    assert os.listdir(tmp_path / "local" / "_serving_monitor_tmp") == []


def test_nothing_is_there_yet(tmp_path):
    assert not monitor(tmp_path, _sources.Folder(str(tmp_path))).look()


def test_parts_go_over_what_is_there(tmp_path):
    target = model(tmp_path / "served")
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "model.pdiparams").write_bytes(b"two")
    seen = os.open(target, os.O_RDONLY)
    _install.install(parts, target, "fluid_time_file")
    assert (target / "model.pdiparams").read_bytes() == b"two"
    assert (target / "model.pdmodel").read_bytes() == b"one"
    # The folder is another one: who had the old one open sees no half of the new one.
    assert os.fstat(seen).st_ino != target.stat().st_ino
    os.close(seen)
    # A model of another name takes the place of the old one.
    _install.install(model(tmp_path / "other", b"three", "inference"), target, "mark")
    assert not (target / "model.pdmodel").exists()
    assert (target / "inference.pdmodel").read_bytes() == b"three"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_what_is_no_model_changes_nothing(tmp_path):
    target, empty = model(tmp_path / "served"), tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="serving_server_conf"):
        _install.install(empty, tmp_path / "new", "mark")
    (empty / "serving_server_conf.prototxt").write_text("no")
    with pytest.raises(ValueError, match="expected feed_var"):
        _install.install(empty, target, "mark")
    assert (target / "serving_server_conf.prototxt").read_text() == CONF
    assert not (tmp_path / "new").exists()


def test_archives_stay_inside(tmp_path):
    def archive(name, kind=tarfile.REGTYPE, link=""):
        file = tmp_path / "bad.tar"
        with tarfile.open(file, "w") as made:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, 3 * (kind == tarfile.REGTYPE)
            made.addfile(info, io.BytesIO(b"bad"))
        return file

    for count, case in enumerate(
        [
            ("../../evil",),
            ("/tmp/evil",),
            ("a/../../evil",),
            ("link", tarfile.SYMTYPE, "/etc/passwd"),
            ("link", tarfile.LNKTYPE, "/etc/passwd"),
            ("pipe", tarfile.FIFOTYPE),
        ]
    ):
        folder = tmp_path / str(count)
        folder.mkdir()
        with pytest.raises(ValueError, match="expected"):
            _install.unpack(archive(*case), folder, "")
    assert not (tmp_path / "evil").exists()


def test_an_inner_folder(tmp_path):
    packed(tmp_path / "model.tar.gz", model(tmp_path / "made"), "deep/inside")
    place = tmp_path / "place"
    place.mkdir()
    found = _install.unpack(tmp_path / "model.tar.gz", place, "deep/inside")
    assert (found / "model.pdmodel").is_file()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ValueError, match="the folder nowhere"):
        _install.unpack(tmp_path / "model.tar.gz", other, "nowhere")


def test_hadoop(tmp_path, remote):
    # A program that does what `hadoop fs` does, on a folder.
    program = tmp_path / "hadoop"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/words\n'
        '[ "$1" = fs ] && shift; while [ "$1" = -D ]; do shift 2; done\n'
        f"root={remote.parent}\n"
        'case "$1" in\n'
        '-stat) if [ -e "$root$3" ]; then stat -c %Y000 "$root$3"\n'
        '  else echo "stat: No such file or directory" >&2; exit 1; fi ;;\n'
        '-cat) cat "$root$2" ;;\n'
        '-get) cp -r "$root$2" "$3" ;;\n'
        "esac\n"
    )
    program.chmod(0o755)
    source = _sources.Hadoop(str(program), "afs://place:9902", "name,word")
    assert monitor(tmp_path, source).look()
    assert (tmp_path / "local/_serving_model/model.pdmodel").read_bytes() == b"one"
    words = (tmp_path / "words").read_text()
    assert "fs -D fs.default.name=afs://place:9902 -D hadoop.job.ugi=name,word -stat" in words
    (remote / "done").unlink()
    assert not monitor(tmp_path, source).look()
    with pytest.raises(OSError, match="hadoop fs"):
        _sources.Hadoop("/bin/false").changed("/x")


class FtpPeer:
    """As much of FTP as fetching needs, for one folder."""

    def __init__(self, root):
        self.root = root
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.server.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError), peer, peer.makefile("rw", newline="\r\n") as lines:

            def say(text):
                lines.write(text + "\n")
                lines.flush()

            say("220 ready")
            data = None
            for line in lines:
                word, _, rest = line.strip().partition(" ")
                place = self.root / rest.lstrip("/")
                if word == "USER":
                    say("331 word")
                elif word == "PASS":
                    say("230 in" if rest == "secret" else "530 no")
                elif word == "TYPE":
                    say("200 ok")
                elif word == "MDTM":
                    say("213 20300101120000" if place.is_file() else "550 none")
                elif word == "PASV":
                    if data is not None:
                        data.close()
                    data = socket.create_server(("127.0.0.1", 0))
                    port = data.getsockname()[1]
                    say(f"227 (127,0,0,1,{port >> 8},{port & 255})")
                elif word == "RETR" and place.is_file():
                    self._send(data, place.read_bytes(), say)
                elif word == "NLST" and place.is_dir():
                    self._send(data, "".join(f"{n}\r\n" for n in os.listdir(place)).encode(), say)
                elif word == "QUIT":
                    say("221 bye")
                    break
                else:
                    say("550 none")
            if data is not None:
                data.close()

    @staticmethod
    def _send(data, content, say):
        say("150 comes")
        peer, _ = data.accept()
        with data, peer:
            peer.sendall(content)
        say("226 done")

    def close(self):
        self.server.close()


def test_ftp(tmp_path, remote):
    peer = FtpPeer(remote.parent)
    try:
        source = _sources.Ftp("127.0.0.1", peer.port, "name", "secret")
        assert monitor(tmp_path, source).look()
        assert (tmp_path / "local/_serving_model/model.pdmodel").read_bytes() == b"one"
        assert source.changed("/remote/nothing") == 0
        model(remote.parent / "folder")
        got = source.fetch("/folder", tmp_path)
        assert sorted(os.listdir(got)) == sorted(os.listdir(remote.parent / "folder"))
        with pytest.raises(_monitor._FAULTS, match="530"):
            _sources.Ftp("127.0.0.1", peer.port, "name", "wrong").changed("/remote/done")
    finally:
        peer.close()


def test_flags_that_miss(tmp_path):
    need = ("--remote_path", "/", "--remote_model_name", "m", "--remote_donefile_name", "d")
    for words, said in (
        (need[:4], "--remote_donefile_name"),
        ((*need, "--type", "ftp"), "--ftp_host: --type ftp needs it"),
        ((*need, "--type", "afs", "--hadoop_bin", "h"), "--fs_name: --type afs needs it"),
        ((*need, "--type", "s3"), "--type"),
        ((*need, "--interval", "0"), "--interval"),
    ):
        ended = run("paddle_serving_server.monitor", *words, folder=tmp_path)
        assert (ended.returncode, said in ended.stderr) == (2, True)
