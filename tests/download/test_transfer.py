from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genrekit.download import RetryPolicy, Size, fetch
from genrekit.download.part_file import part_of
from genrekit.errors import ConfigError, DatasetError

CONTENT = bytes(range(256)) * 4096
SHA1 = f"sha1:{hashlib.sha1(CONTENT).hexdigest()}"
HALF = len(CONTENT) // 2
HASTY = RetryPolicy(
    stall_seconds=0.4,
    attempts=3,
    first_wait_seconds=0.01,
    longest_wait_seconds=0.05,
    worthwhile_bytes=1 << 30,
)
ANY_SIZE = Size(1 << 30)


@pytest.fixture
def file(site: Any, tmp_path: Path) -> Path:
    site.files["a.bin"] = CONTENT
    return tmp_path / "folder" / "a.bin"


def get(site: Any, file: Path, size: Size = ANY_SIZE, **options: Any) -> list[tuple[int, Any]]:
    return list(fetch(site.url("a.bin"), file, size, **{"retries": HASTY} | options))


def is_alone(file: Path) -> bool:
    return [child.name for child in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_a_file_comes_whole_with_its_progress(site: Any, file: Path, algorithm: str) -> None:
    checksum = f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    steps = get(site, file, checksum=checksum)
    assert file.read_bytes() == CONTENT
    assert is_alone(file)
    assert steps[0] == (0, len(CONTENT))
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_a_break_is_resumed_from_the_last_byte(site: Any, file: Path) -> None:
    site.script = ["break", "break"]
    get(site, file, checksum=SHA1)
    assert file.read_bytes() == CONTENT
    assert site.ranges == [None, f"bytes={HALF}-", f"bytes={HALF + HALF // 2}-"]
    assert site.seen[1]["If-Range"] == '"first"'


def test_a_later_call_goes_on(site: Any, file: Path) -> None:
    site.script = ["break"]
    with pytest.raises(DatasetError, match=rf"{HALF:,} bytes are kept in .*a\.bin\.part"):
        get(site, file, checksum=SHA1, retries=RetryPolicy(attempts=1))
    assert part_of(file).stat().st_size == HALF
    get(site, file, checksum=SHA1)
    assert site.ranges[-1] == f"bytes={HALF}-"
    assert file.read_bytes() == CONTENT
    assert is_alone(file)


def test_a_server_that_ignores_ranges_starts_over_safely(site: Any, file: Path) -> None:
    site.script = ["break", "ignore ranges"]
    get(site, file)
    assert site.ranges == [None, f"bytes={HALF}-"]
    assert file.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(site: Any, file: Path) -> None:
    site.script = ["break"]
    with pytest.raises(DatasetError):
        get(site, file, retries=RetryPolicy(attempts=1))
    site.etag, site.files["a.bin"] = '"second"', CONTENT[::-1]
    get(site, file)
    assert file.read_bytes() == CONTENT[::-1]


def test_a_server_that_mixes_two_editions_is_noticed(site: Any, file: Path) -> None:
    site.script = ["break"]
    with pytest.raises(DatasetError):
        get(site, file, retries=RetryPolicy(attempts=1))
    site.etag, site.files["a.bin"] = '"second"', CONTENT[::-1]
    site.script = ["ignore conditions"]
    get(site, file)
    assert site.ranges == [None, f"bytes={HALF}-", None]
    assert file.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("deed", ["no validator", "weak"])
def test_without_validator_nothing_is_resumed_unless_a_checksum_tells(
    site: Any, file: Path, deed: str
) -> None:
    site.script = [f"{deed} break", deed]
    get(site, file)
    assert site.ranges == [None, None]
    assert file.read_bytes() == CONTENT
    site.script = [f"{deed} break", deed]
    get(site, file, checksum=SHA1)
    assert site.ranges[2:] == [None, f"bytes={HALF}-"]
    assert "If-Range" not in site.seen[3]


@pytest.mark.parametrize("note", ["", "{", '{"url": "http://elsewhere/a.bin"}'])
def test_bytes_of_unknown_origin_are_dropped(site: Any, file: Path, note: str) -> None:
    part_of(file).parent.mkdir()
    part_of(file).write_bytes(b"anything")
    part_of(file).with_name("a.bin.part.json").write_text(note)
    get(site, file, checksum=SHA1)
    assert site.ranges == [None]
    assert file.read_bytes() == CONTENT


def test_a_part_that_was_damaged_on_disk_is_found_and_fetched_again(site: Any, file: Path) -> None:
    site.script = ["break"]
    with pytest.raises(DatasetError):
        get(site, file, checksum=SHA1, retries=RetryPolicy(attempts=1))
    part_of(file).write_bytes(b"x" * HALF)
    get(site, file, checksum=SHA1)
    assert file.read_bytes() == CONTENT
    assert site.ranges == [None, f"bytes={HALF}-", None]


def test_a_part_that_is_complete_already_needs_no_bytes(site: Any, file: Path) -> None:
    site.script = ["break"]
    with pytest.raises(DatasetError):
        get(site, file, checksum=SHA1, retries=RetryPolicy(attempts=1))
    part_of(file).write_bytes(CONTENT)
    get(site, file, checksum=SHA1)
    assert file.read_bytes() == CONTENT
    assert site.ranges[-1] == f"bytes={len(CONTENT)}-"


def test_a_part_longer_than_the_file_is_dropped(site: Any, file: Path) -> None:
    site.script = ["break"]
    with pytest.raises(DatasetError):
        get(site, file, retries=RetryPolicy(attempts=1))
    part_of(file).write_bytes(CONTENT + b"more")
    get(site, file)
    assert file.read_bytes() == CONTENT


def test_a_server_that_goes_on_at_another_place_is_not_believed(site: Any, file: Path) -> None:
    site.script = ["break", "wrong range"]
    get(site, file)
    assert file.read_bytes() == CONTENT
    assert site.ranges == [None, f"bytes={HALF}-", None]


def test_wrong_bytes_are_refused_and_not_kept(site: Any, file: Path) -> None:
    site.script = ["corrupt"]
    with pytest.raises(DatasetError, match=rf"sent sha1:[0-9a-f]+, published is {SHA1}"):
        get(site, file, checksum=SHA1)
    assert list(file.parent.iterdir()) == []


def test_wrong_bytes_after_every_break_end_at_last(site: Any, file: Path) -> None:
    site.script = ["break", "corrupt"] * 5
    with pytest.raises(DatasetError, match="published is"):
        get(site, file, checksum=SHA1)
    assert len(site.seen) == 4
    assert list(file.parent.iterdir()) == []


def test_a_stall_is_ended_and_resumed(site: Any, file: Path) -> None:
    site.script = ["stall"]
    get(site, file, checksum=SHA1)
    assert site.ranges == [None, f"bytes={HALF}-"]
    assert file.read_bytes() == CONTENT


def test_a_server_that_always_stalls_is_given_up(site: Any, file: Path) -> None:
    site.script = ["stall"] * 9
    with pytest.raises(DatasetError, match=r"no bytes for 0\.4 s; that was try 3 in a row"):
        get(site, file)
    assert len(site.seen) == 3
    assert part_of(file).stat().st_size > HALF


def test_breaks_that_bring_enough_are_not_counted(site: Any, file: Path) -> None:
    site.script = ["break"] * 6
    retries = RetryPolicy(attempts=2, first_wait_seconds=0, worthwhile_bytes=1024)
    get(site, file, retries=retries)
    assert len(site.seen) == 7
    assert file.read_bytes() == CONTENT


def test_a_body_shorter_than_announced_is_never_complete(site: Any, file: Path) -> None:
    site.script = ["long"] * 3
    with pytest.raises(DatasetError, match=r"broke off after 1,048,576 of 1,049,576 bytes"):
        get(site, file)
    assert not file.exists()


def test_another_size_than_published_is_refused_before_it_comes(site: Any, file: Path) -> None:
    with pytest.raises(DatasetError, match=r"announces 1,048,576 bytes, expected 7: it has anoth"):
        get(site, file, Size(7, 7), checksum=SHA1)
    assert not part_of(file).exists()


def test_more_than_expected_at_most_is_refused(site: Any, file: Path) -> None:
    with pytest.raises(DatasetError, match="more than the 1,000 expected at most"):
        get(site, file, Size(1000))


def test_a_body_without_length_is_stopped_at_the_limit(site: Any, file: Path) -> None:
    site.script = ["no length"]
    with pytest.raises(DatasetError, match="more than the 300,000 expected at most"):
        get(site, file, Size(300_000))
    site.script = ["no length"]
    part_of(file).unlink()
    steps = get(site, file, checksum=SHA1)
    assert steps[-1] == (len(CONTENT), None)
    assert file.read_bytes() == CONTENT


def test_a_chunked_body_that_breaks_is_resumed(site: Any, file: Path) -> None:
    site.script = ["chunks break"]
    get(site, file, checksum=SHA1)
    assert file.read_bytes() == CONTENT
    assert site.ranges[1] is not None


def test_a_redirect_is_followed_with_its_range(site: Any, file: Path) -> None:
    site.files["moved.bin"] = CONTENT
    site.script = ["redirect /moved.bin", "break", "redirect /moved.bin"]
    get(site, file, checksum=SHA1)
    assert site.ranges == [None, None, f"bytes={HALF}-", f"bytes={HALF}-"]
    assert file.read_bytes() == CONTENT


def test_a_loop_of_redirects_ends(site: Any, file: Path) -> None:
    site.script = ["loop"]
    with pytest.raises(DatasetError, match=r"302 .*infinite loop"):
        get(site, file)
    assert len(site.seen) < 10


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/a.bin", "file:///etc/passwd"])
def test_a_redirect_to_another_scheme_is_refused(site: Any, file: Path, target: str) -> None:
    site.script = [f"redirect {target}"]
    with pytest.raises(DatasetError):
        get(site, file)
    assert not file.exists()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "a.bin", "data:,x"])
def test_only_http_and_https_are_fetched(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="not an address of http or https"):
        list(fetch(url, tmp_path / "a", ANY_SIZE))


@pytest.mark.parametrize("status", ["429", "500", "503"])
def test_a_busy_server_is_asked_again(site: Any, file: Path, status: str) -> None:
    site.script = [status, status]
    get(site, file, checksum=SHA1)
    assert len(site.seen) == 3


@pytest.mark.parametrize("status", ["401", "403", "404", "410"])
def test_a_file_that_is_gone_is_not_asked_for_again(site: Any, file: Path, status: str) -> None:
    site.script = [status]
    with pytest.raises(DatasetError, match=rf"answered {status}.*has the file moved"):
        get(site, file)
    assert len(site.seen) == 1


def test_a_sign_in_page_is_not_taken_for_the_file(site: Any, file: Path) -> None:
    site.script = ["html"]
    with pytest.raises(DatasetError, match="web page instead of the file"):
        get(site, file)
    assert not file.exists()


def test_an_encoded_body_is_refused(site: Any, file: Path) -> None:
    site.script = ["gzip"]
    with pytest.raises(DatasetError, match="encodes the file"):
        get(site, file)
    assert site.seen[0]["Accept-Encoding"] == "identity"


def test_a_refused_connection_is_reported_after_a_few_tries(site: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be reached"):
        list(fetch("http://127.0.0.1:1/a", tmp_path / "a", ANY_SIZE, retries=HASTY))


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate of this machine, with its key, that nobody trusts yet."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate")
    file = tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    places = ["-keyout", str(tmp_path / "key.pem"), "-out", str(file)]
    subprocess.run([*command.split(), *names, *places], check=True, capture_output=True)
    return file


@pytest.mark.parametrize("trusted", [True, False])
def test_https_is_never_left_and_needs_a_trusted_certificate(
    site: Any, file: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    secure = site.url("a.bin").replace("http:", "https:")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        list(fetch(secure, file, ANY_SIZE, checksum=SHA1, retries=HASTY))
        assert file.read_bytes() == CONTENT
        site.script = [f"redirect {site.url('a.bin')}"]
    message = "redirect to http://.* is refused" if trusted else "certificate cannot be trusted"
    with pytest.raises(DatasetError, match=message):
        list(fetch(secure, file.with_name("b"), ANY_SIZE, retries=HASTY))
    assert not file.with_name("b").exists()


# The limit on the size of files stands in for a full disk: writing fails in the same way.
SMALL_DISK = """
import resource, signal, sys
from pathlib import Path
from genrekit.download.transfer import Size, fetch
from genrekit.errors import DatasetError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    list(fetch(sys.argv[1], Path(sys.argv[2]), Size(1 << 30), checksum=sys.argv[3]))
except DatasetError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
def test_a_full_disk_leaves_what_can_be_resumed(site: Any, file: Path) -> None:
    command = [sys.executable, "-c", SMALL_DISK, site.url("a.bin"), str(file), SHA1]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "the disk is full; what has come is kept" in done.stdout
    assert "goes on from there once there is room" in done.stdout
    assert part_of(file).stat().st_size == 300_000
    get(site, file, checksum=SHA1)
    assert site.ranges[-1] == "bytes=300000-"
    assert file.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_written_is_named(site: Any, tmp_path: Path) -> None:
    site.files["a.bin"] = CONTENT
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"file/a\.bin\.part.*may genrekit write there"):
        get(site, tmp_path / "file" / "a.bin")
