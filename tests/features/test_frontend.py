"""Front-ends by name, and the fingerprint that caches and bundles rely on."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from genrekit.errors import ConfigError
from genrekit.features import FRONTENDS, build_frontend, frontend_fingerprint
from genrekit.features.mel import MelFrontend
from genrekit.schema import (
    ColumnsConfig,
    DescriptorsConfig,
    FrontendConfig,
    Gtzan57Config,
    MelConfig,
    PictureConfig,
    TrajectoriesConfig,
    WaveformConfig,
    WindowConfig,
    WindowedConfig,
)

INSIDE = WindowedConfig(sample_rate_hz=22050, inner=MelConfig(), windows=WindowConfig())
CONFIGS: tuple[FrontendConfig, ...] = (
    MelConfig(),
    Gtzan57Config(),
    DescriptorsConfig(),
    PictureConfig(),
    TrajectoriesConfig(),
    WaveformConfig(),
    ColumnsConfig(names=("a", "b")),
    INSIDE,
)


def test_every_configuration_has_its_frontend() -> None:
    assert {config.kind for config in CONFIGS} == set(FRONTENDS)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_a_frontend_says_what_it_gives(config: FrontendConfig) -> None:
    frontend = build_frontend(config)
    assert frontend.config == config
    assert frontend.code_version >= 1
    assert len(set(frontend.feature_names)) == len(frontend.feature_names) > 0


def test_vector_columns_are_described() -> None:
    for config in (Gtzan57Config(), DescriptorsConfig()):
        frontend: Any = build_frontend(config)
        assert tuple(column.name for column in frontend.columns) == frontend.feature_names
        for column in frontend.columns:
            assert column.unit
            assert column.meaning
            assert "\n" not in column.meaning
            assert column.family in {"timbre", "rhythm", "harmony", "dynamics"}


def test_unknown_kind_is_refused_with_the_known_ones() -> None:
    class Foreign(BaseModel):
        kind: str = "mell"

    foreign: Any = Foreign()
    with pytest.raises(ConfigError, match="mel"):
        build_frontend(foreign)


def test_fingerprint_depends_on_every_setting() -> None:
    configs = [
        *CONFIGS,
        MelConfig(n_mels=64),
        MelConfig(hop_samples=256),
        MelConfig(fft_samples=4096),
        MelConfig(sample_rate_hz=16000),
        MelConfig(low_hz=20.0),
        MelConfig(high_hz=8000.0),
        MelConfig(floor_db=-80.0),
        PictureConfig(rows=64),
        PictureConfig(columns=64),
        TrajectoriesConfig(block_seconds=1),
        WaveformConfig(sample_rate_hz=12000),
        ColumnsConfig(names=("b", "a")),
        ColumnsConfig(names=("a", "b"), steps=2),
        INSIDE.model_copy(update={"sample_rate_hz": 44100}),
        INSIDE.model_copy(update={"inner": MelConfig(n_mels=64)}),
        INSIDE.model_copy(update={"windows": WindowConfig(short="pad")}),
    ]
    fingerprints = [frontend_fingerprint(config) for config in configs]
    assert len(set(fingerprints)) == len(configs)
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in fingerprints)
    assert frontend_fingerprint(MelConfig()) == frontend_fingerprint(MelConfig(n_mels=128))


def test_fingerprint_changes_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [frontend_fingerprint(config) for config in (MelConfig(), INSIDE)]
    monkeypatch.setattr(MelFrontend, "code_version", MelFrontend.code_version + 1)
    after = [frontend_fingerprint(config) for config in (MelConfig(), INSIDE)]
    assert not set(before) & set(after)


def test_windows_inside_of_a_window_are_those_of_a_track() -> None:
    mel = MelConfig(sample_rate_hz=16000, fft_samples=512, hop_samples=512, n_mels=8)
    cut = WindowConfig(window_seconds=1.0, hop_seconds=0.75, short="pad")
    inside = build_frontend(WindowedConfig(sample_rate_hz=16000, inner=mel, windows=cut))
    alone = build_frontend(mel)
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    found = inside(samples)
    assert found.shape == (3, *alone(samples[:16000]).shape)
    for row, start in zip(found, (0, 12_000, 16_000), strict=True):
        np.testing.assert_array_equal(row, alone(samples[start : start + 16_000]))
    # Audio that is shorter than a window is filled up.
    assert inside(samples[:9000]).shape == (1, *found.shape[1:])
    other = WindowedConfig(sample_rate_hz=48000, inner=mel, windows=cut)
    assert build_frontend(other)(samples).shape == (1, *found.shape[1:])
