"""``genrekit serve``: the same answers over REST and WebSocket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; by default only this machine.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 takes a free one; by default 8000.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="[NAME=]MODEL",
            help="May be repeated; first answers. NAME is what requests may ask for.",
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHARE", help="Assign senders to models; repeated."),
    ] = None,
    shadow: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A model that only listens; its answers are logged."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="SQLite file of all answers; offers feedback.")
    ] = None,
    keep_audio: Annotated[
        bool,
        typer.Option("--keep-audio", help="With --log: keep what is sent, to learn from feedback."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that decode and score.")
    ] = None,
    upload_mb: Annotated[
        int | None, typer.Option(min=1, help="Largest file taken, in megabytes.")
    ] = None,
    requests_per_minute: Annotated[
        float | None, typer.Option(min=0, help="Per key and address; 0: no limit.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="Made by genrekit index; offers similar tracks.")
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Web origin that may call.")
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Serve anybody, even beyond this machine.")
    ] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make an API key and its hash, and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --new-key: as JSON.")] = False,
) -> None:
    """Answer over HTTP and WebSocket until Ctrl-C.

    Everything else is set by environment variables GENREKIT_SERVE_...; see docs/serving.md.
    """
    if new_key:
        _show_new_key(as_json)
        return
    flags: dict[str, Any] = {
        "host": host,
        "port": port,
        "models": tuple(model) if model else None,
        "split": tuple(split) if split else None,
        "shadow": tuple(shadow) if shadow else None,
        "answer_log": log,
        "keep_audio": keep_audio or None,
        "workers": workers,
        "upload_bytes": upload_mb * 1_000_000 if upload_mb else None,
        "requests_per_minute": requests_per_minute,
        "index": index,
        "cors_origins": tuple(cors) if cors else None,
        "no_keys": no_keys or None,
    }
    _run({name: value for name, value in flags.items() if value is not None})


def _run(flags: dict[str, Any]) -> None:
    from pydantic import ValidationError

    from genrekit.errors import ConfigError
    from genrekit.serving import Settings, serve

    try:
        settings = Settings(**flags)
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigError(f"settings of the server: {'; '.join(reasons)}") from None
    serve(settings)


def _show_new_key(as_json: bool) -> None:
    from genrekit.serving import new_key
    from genrekit.terminal import print_json, results

    key, key_hash = new_key()
    if as_json:
        print_json({"key": key, "hash": key_hash})
        return
    results().print(f"key for whoever asks:  {key}")
    results().print(f"hash for the server:   GENREKIT_SERVE_KEY_HASHES={key_hash}")
