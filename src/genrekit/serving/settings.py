"""Everything that can be set about a server: one frozen contract, from the environment or flags."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from genrekit.errors import ConfigError
from genrekit.monitoring import Arms, make_arms
from genrekit.schema import Sha256
from genrekit.workers import cores

ENV_PREFIX = "GENREKIT_SERVE_"
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What one server may do and may cost.

    Every field is also an environment variable: ``GENREKIT_SERVE_PORT=80``; lists are separated by
    commas.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="0 takes a free one")
    models: Words = Field(
        ("default",), min_length=1, max_length=16, description="MODEL or NAME=MODEL; first answers"
    )
    split: Words = Field(
        (), description="NAME=SHARE, ...: how senders that ask for no model are assigned"
    )
    shadow: Words = Field(
        (), description="names of models that get the same files, and whose answers are only logged"
    )
    shadow_queue: int = Field(8, ge=1, le=1000, description="files that may wait for a shadow")
    shadow_niceness: int = Field(10, ge=0, le=19, description="how far all others go before it")
    experiment: str = Field("", max_length=100, description="another word deals senders out anew")
    answer_log: Path | None = Field(
        None, description="SQLite file of what was answered; offers feedback"
    )
    keep_audio: bool = Field(
        False, description="keep what is sent beside that file, for learning from feedback"
    )
    keep_bytes: int = Field(
        2 << 30, ge=1 << 20, description="of audio that is kept; the oldest is deleted"
    )
    log_bytes: int = Field(256 << 20, ge=1 << 16, description="of that file before it is rotated")
    log_files: int = Field(4, ge=1, le=1000, description="kept of it, older ones are deleted")
    drift_tracks: int = Field(
        1000, ge=0, le=100_000, description="latest answers that drift is told from; 0: none"
    )
    follow_seconds: float = Field(
        1.0, ge=0, description="between looks at aliases of models; 0: on SIGHUP only"
    )

    workers: int = Field(
        0, ge=0, le=256, description="processes that decode and score; 0: all cores but one"
    )
    queue: int = Field(32, ge=1, le=10_000, description="requests that may wait for a worker")
    queue_seconds: float = Field(5.0, gt=0, description="and how long each may wait")
    queue_times: float = Field(
        3.0,
        gt=0,
        description="what a request takes: when one waits longer, the newest is next",
    )
    job_seconds: float = Field(20.0, gt=0, description="wall time of a worker on one file")
    explain_seconds: float = Field(90.0, gt=0, description="and on one explanation")
    cpu_seconds: int = Field(20, ge=1, description="processor time of a worker on one file")
    memory_bytes: int = Field(1 << 30, ge=64 << 20, description="what one file may add to a worker")
    audio_seconds: float = Field(1200.0, gt=0, description="audio analysed of one file")

    upload_bytes: int = Field(200 << 20, ge=1, description="of one file")
    request_bytes: int = Field(256 << 20, ge=1, description="of all files of one request")
    request_seconds: float = Field(120.0, gt=0, description="for one batch or explanation")
    upload_seconds: float = Field(60.0, gt=0, description="for a body, or for taking an answer")
    idle_seconds: float = Field(10.0, gt=0, description="without a byte moving either way")
    files: int = Field(32, ge=1, le=1000, description="files in one batch")
    jobs: int = Field(16, ge=0, le=1000, description="jobs kept; 0 offers none")
    job_files: int = Field(500, ge=1, le=100_000, description="files in one job")

    streams: int = Field(4, ge=0, le=256, description="live streams at once; 0 offers none")
    streams_per_address: int = Field(
        2, ge=1, description="of one address or key; never all if there are several; not loopback"
    )
    stream_bytes: int = Field(256 << 20, ge=1, description="of one live stream")
    stream_seconds: float = Field(3600.0, gt=0, description="of audio in one live stream")
    message_bytes: int = Field(1 << 20, ge=1024, description="of one WebSocket message")

    connections: int = Field(512, ge=1, description="open at once")
    connections_per_address: int = Field(64, ge=1, description="loopback excepted")
    requests_per_minute: float | None = Field(
        None, ge=0, description="per key and address; 0: no limit; unset: 120, on loopback none"
    )
    burst: int = Field(30, ge=1, description="requests allowed at once before the rate counts")

    key_hashes: Annotated[tuple[Sha256, ...], NoDecode] = Field(
        (), description="SHA-256 of each API key, hex; genrekit serve --new-key makes one"
    )
    no_keys: bool = Field(False, description="serve anybody, wherever it is bound")
    cors_origins: Words = Field((), description="web origins that may call; none by default")
    allowed_hosts: Words = Field(
        (), description="names in the Host header; by default any, on loopback only its own"
    )

    trusted_proxies: Words = Field(
        (), description="addresses whose X-Forwarded-For is believed; none by default"
    )

    drain_seconds: float = Field(
        0.0, ge=0, description="after SIGTERM: not ready, but still accepting"
    )
    grace_seconds: float = Field(30.0, ge=0, description="for what is still running after that")
    index: Path | None = Field(
        None, description="made by genrekit index; offers the tracks that are similar"
    )
    play_similar: bool = Field(
        True, description="let callers listen to 30 s of the tracks of the index"
    )
    folder: Path | None = Field(
        None, description="where uploads and jobs lie; jobs there outlive a restart"
    )
    log_requests: bool = Field(False, description="a line on stderr for each request")

    @field_validator(
        *("models", "split", "shadow", "key_hashes"),
        *("cors_origins", "allowed_hosts", "trusted_proxies"),
        mode="before",
    )
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def trusts(self, address: str) -> bool:
        """Whether ``address`` is a proxy that speaks for many senders."""
        return "*" in self.trusted_proxies or any(
            _is_within(address, proxy) for proxy in self.trusted_proxies
        )

    @property
    def most_streams_each(self) -> int | None:
        """Live streams that one sender may hold; None is as many as there are."""
        if self.on_loopback:
            return None
        return max(1, min(self.streams_per_address, self.streams - 1))

    @property
    def arms(self) -> Arms:
        """The models by name, and how senders are assigned among them.

        Raises
        ------
        ConfigError
            If models, split and shadow do not fit together.
        """
        return make_arms(self.models, self.split, self.shadow, self.experiment)

    @property
    def worker_count(self) -> int:
        """Worker processes: one core stays free for the process that answers."""
        if self.workers:
            return self.workers
        return max(1, cores() - 1)

    @property
    def rate_per_minute(self) -> float:
        """Requests per minute and key or address; 0 for no limit."""
        if self.requests_per_minute is not None:
            return self.requests_per_minute
        return 0.0 if self.on_loopback else 120.0

    @property
    def hosts(self) -> frozenset[str]:
        """Host names that are answered; empty means any.

        On loopback this stops DNS rebinding: a page from elsewhere whose name points here.
        """
        if self.allowed_hosts:
            return frozenset(self.allowed_hosts)
        return _LOOPBACK_NAMES | {self.host} if self.on_loopback else frozenset()

    def check_exposure(self) -> None:
        """Refuse to serve strangers without keys unless told to.

        Raises
        ------
        ConfigError
            If it is bound to more than loopback, has no keys, and ``no_keys`` is not set.
        """
        if not (self.on_loopback or self.key_hashes or self.no_keys):
            raise ConfigError(
                f"{self.host} can be reached from other machines, and there are no API keys; make "
                "one with genrekit serve --new-key, or pass --no-keys to serve anybody"
            )


def _is_within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return address == network
