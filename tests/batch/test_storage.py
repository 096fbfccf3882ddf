"""A batch reads object storage and copies its run there: against a server of S3 on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from genrekit.jukebox import synthesise

JOB = """
import json, os, subprocess, sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(port=0)
server.start()
host, port = server.get_host_and_port()
os.environ |= {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
}
import s3fs

system = s3fs.S3FileSystem()
system.mkdir("bucket")
system.put_file(sys.argv[1], "bucket/music/a/good.wav")
system.pipe("bucket/music/bad.mp3", b"no")
command = [sys.executable, "-m", "genrekit", "batch", "s3://bucket/music", "-m", sys.argv[2]]
command += ["-o", sys.argv[3], "-j", "1", "--publish", "s3://bucket/out", "--json"]
codes = [subprocess.run(command, stdout=subprocess.DEVNULL).returncode for _ in range(2)]
there = sorted(system.ls("bucket/out"))
print(json.dumps({"codes": codes, "there": there}))
server.stop()
"""


@pytest.mark.slow
def test_object_storage_is_read_and_written_to(tmp_path: Path, tiny_bundle: Path) -> None:
    pytest.importorskip("moto", reason="needs moto, and s3fs")
    pytest.importorskip("s3fs")
    clip = synthesise("jazz", seconds=1.2, seed=0, sample_rate_hz=22050)
    soundfile.write(tmp_path / "good.wav", clip.samples, 22050)
    command = [sys.executable, "-c", JOB, str(tmp_path / "good.wav"), str(tiny_bundle)]
    ran = subprocess.run(
        [*command, str(tmp_path / "run")], capture_output=True, text=True, check=True
    )
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["codes"] == [3, 3]
    names = ["journal.jsonl", "results.jsonl", "run.json", "summary.json"]
    assert told["there"] == [f"bucket/out/{name}" for name in names]
    lines = (tmp_path / "run" / "results.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["path"] for row in rows] == [
        "s3://bucket/music/a/good.wav",
        "s3://bucket/music/bad.mp3",
    ]
    assert [row["error"] is None for row in rows] == [True, False]
