"""Heads on backbones, from recipe to a bundle that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genrekit.audio import decode
from genrekit.bundles import load_bundle
from genrekit.bundles.session import open_session, run_session
from genrekit.datasets import load_dataset
from genrekit.errors import BundleError, ConfigError, DatasetError
from genrekit.features.cache import FeatureCache
from genrekit.inference import Classifier
from genrekit.models.classical import Logistic
from genrekit.models.networks import Cnn, Mlp
from genrekit.models.pretrained import Pretrained
from genrekit.models.pretrained.backbones import Cnn14, Vggish
from genrekit.schema import (
    ColumnsConfig,
    ExcerptConfig,
    Gtzan57Config,
    MelConfig,
    WaveformConfig,
    WindowConfig,
)
from genrekit.training import (
    DataConfig,
    ProtocolConfig,
    Recipe,
    load_recipe,
    train,
    with_weights,
)
from genrekit.training.composing import DESCRIPTION, check_composed, composed
from genrekit.training.recipe import BundleBackbone
from genrekit.training.settings import Augment, TrainingConfig

WINDOWS = WindowConfig(window_seconds=1.0, hop_seconds=1.0, short="loop", minimum_seconds=0.5)
EXCERPT = ExcerptConfig(start_seconds=0, duration_seconds=2)
CLIPS: dict[str, Any] = {"clips_per_genre": 3, "seconds": 2.0}
VGGISH = Vggish(weights="random", width=4, dense=32)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic clips of two seconds in each of ten genres."""
    folder = tmp_path_factory.mktemp("jukebox")
    load_dataset("jukebox", folder, **CLIPS)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return FeatureCache(tmp_path_factory.mktemp("cache"))


def on_clips(clips: Path, **changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "name": "head",
        "data": DataConfig(corpus="jukebox", path=clips, options=CLIPS),
        "excerpt": EXCERPT,
        "windows": WINDOWS,
        "model": Logistic(c=0.01),
        "training": TrainingConfig(epochs=2, batch_size=16),
        "protocol": ProtocolConfig(name="holdout"),
        "calibrate": False,
    } | changes
    return Recipe(**fields)


@pytest.fixture(scope="module")
def published(clips: Path, cache: FeatureCache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logistic regression on a small VGGish of random weights."""
    stages = set[str]()
    out = tmp_path_factory.mktemp("models") / "published"

    def note(stage: str, done: int, total: int) -> None:
        stages.add(stage)

    train(on_clips(clips, backbone=VGGISH), out, cache=cache, progress=note)
    assert "features: vggish" in stages
    return out


@pytest.fixture(scope="module")
def network(clips: Path, cache: FeatureCache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of the ten genres."""
    mel = MelConfig(n_mels=32, fft_samples=1024, hop_samples=512)
    recipe = on_clips(clips, name="network", frontend=mel, model=Cnn(channels=(8, 16)))
    return train(recipe, tmp_path_factory.mktemp("models") / "network", cache=cache)


def a_clip(clips: Path) -> Path:
    path = load_dataset("jukebox", clips, **CLIPS).items[0].path
    assert path is not None
    return path


# --- published backbones ------------------------------------------------------------------------


def test_a_head_on_a_published_backbone_listens_by_itself(published: Path, clips: Path) -> None:
    classifier = Classifier.load(published)
    manifest = classifier.bundle.manifest
    assert manifest.architecture == "vggish+logistic"
    assert manifest.frontends == {"waveform": WaveformConfig(sample_rate_hz=16000)}
    assert manifest.licence == "MIT; vggish: Apache-2.0"
    assert manifest.embedding_size == 128
    answer = classifier.predict_file(a_clip(clips), segments=True)
    assert len(answer.segments) == 2
    embedding = classifier.embed_file(a_clip(clips))
    assert embedding.shape == (128,)
    reference = classifier.bundle.metrics.reference
    assert reference is not None
    assert list(reference.inputs) == ["waveform: level"], "the rows are of the backbone, not these"


def test_equal_recipes_give_equal_graphs(
    published: Path, clips: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    again = train(on_clips(clips, backbone=VGGISH), tmp_path / "again", cache=cache)
    assert (again / "model.onnx").read_bytes() == (published / "model.onnx").read_bytes()


def test_audio_is_described_as_the_bundle_will(
    published: Path, clips: Path, cache: FeatureCache
) -> None:
    """What the cache holds of a clip is the embedding that the saved bundle gives it."""
    classifier = Classifier.load(published)
    waveform = decode(a_clip(clips), sample_rate_hz=16000, excerpt=EXCERPT)
    expected = classifier.embed(waveform)
    kept = [np.load(path) for path in cache.directory.glob("*/*.npy")]
    near = [np.abs(x.mean(axis=0) - expected).max() for x in kept if x.shape == (2, 128)]
    assert min(near) < 1e-6


def test_a_network_is_a_head_too_and_has_its_own_embedding(
    clips: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    recipe = on_clips(clips, backbone=VGGISH, model=Mlp(layers=(24,)))
    bundle = load_bundle(train(recipe, tmp_path / "head", cache=cache))
    assert bundle.embedding_size == bundle.manifest.embedding_size == 24
    assert (bundle.directory / "weights.safetensors").is_file()


def test_windows_of_no_fixed_length_are_refused(clips: Path, tmp_path: Path) -> None:
    keep = WINDOWS.model_copy(update={"short": "keep"})
    with pytest.raises(ConfigError, match=r"windows of one length; set windows\.short"):
        train(on_clips(clips, backbone=VGGISH, windows=keep), tmp_path / "head")


def test_a_table_is_not_listened_to(table: Path, tmp_path: Path) -> None:
    recipe = on_clips(
        table,
        backbone=VGGISH,
        data=DataConfig(corpus="table", path=table),
        protocol=ProtocolConfig(name="fault-filtered"),
    )
    with pytest.raises(ConfigError, match=r"vggish listens to audio, and .* holds features"):
        train(recipe, tmp_path / "head")


# --- saved models -------------------------------------------------------------------------------


def test_any_network_serves_as_backbone(
    network: Path, clips: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    recipe = on_clips(clips, backbone=BundleBackbone(bundle=str(network)))
    out = train(recipe, tmp_path / "head", cache=cache)
    before, after = load_bundle(network), load_bundle(out)
    assert after.manifest.architecture == "network+logistic"
    assert after.manifest.frontends == before.manifest.frontends
    assert set(before.manifest.provenance.trained_on) <= set(after.manifest.provenance.trained_on)
    mel = np.random.default_rng(0).normal(-40, 10, (3, 32, 42)).astype(np.float32)
    assert np.allclose(after.embed({"mel": mel}), before.embed({"mel": mel}), atol=1e-5)
    assert str(network.parent) not in after.manifest.provenance.recipe
    deeper = on_clips(clips, backbone=BundleBackbone(bundle=str(out)), model=Mlp(layers=(8,)))
    last = load_bundle(train(deeper, tmp_path / "deeper", cache=cache))
    assert last.manifest.architecture == "head+mlp"
    assert last.embed({"mel": mel}).shape == (3, 8)


def test_what_a_backbone_learnt_from_cannot_be_tested_on(
    network: Path, clips: Path, tmp_path: Path
) -> None:
    other = ProtocolConfig(name="holdout", seed=5)
    recipe = on_clips(clips, backbone=BundleBackbone(bundle=str(network)), protocol=other)
    with pytest.raises(DatasetError, match=r"network was trained on \d+ of the \d+ test"):
        train(recipe, tmp_path / "head")


def test_whole_corpora_that_a_backbone_learnt_from_are_refused(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Vggish.source.model_copy(update={"pretrained_on": ("jukebox",)})
    monkeypatch.setattr(Vggish, "source", source)
    weights = tmp_path / "weights.pth"
    from genrekit.models.pretrained import build_body

    torch.save(build_body(VGGISH, 16000).state_dict(), weights)
    known = VGGISH.model_copy(update={"weights": weights})
    with pytest.raises(DatasetError, match="vggish was trained on all of jukebox"):
        train(on_clips(clips, backbone=known), tmp_path / "head")


def test_a_model_without_embedding_is_no_backbone(
    tiny_bundle: Path, clips: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(tiny_bundle)
    assert bundle.embedding_size is None
    with pytest.raises(BundleError, match="no output 'embedding'"):
        bundle.embed({"mel": np.zeros((1, 16, 20), np.float32)})
    with pytest.raises(ConfigError, match="has no embedding, so no head"):
        train(on_clips(clips, backbone=BundleBackbone(bundle=str(tiny_bundle))), tmp_path / "head")


def test_embeddings_are_means_over_windows(network: Path, clips: Path) -> None:
    classifier = Classifier.load(network)
    waveform = decode(a_clip(clips), sample_rate_hz=22050, excerpt=EXCERPT)
    halves = [classifier.bundle.features(part) for part in np.split(waveform.samples, 2)]
    rows = [classifier.bundle.embed({"mel": one["mel"][np.newaxis]}) for one in halves]
    assert np.allclose(classifier.embed(waveform), np.concatenate(rows).mean(axis=0), atol=1e-6)
    assert np.allclose(classifier.embed_file(a_clip(clips)), classifier.embed(waveform), atol=1e-6)
    with pytest.raises(ConfigError, match="16000 Hz"):
        classifier.embed(decode(a_clip(clips), sample_rate_hz=16000))


def test_a_manifest_that_tells_of_another_embedding_is_refused(
    tmp_path: Path, bundle_factory: Any
) -> None:
    with pytest.raises(BundleError, match=r"embeddings have 16 columns, model.onnx gives None"):
        bundle_factory(tmp_path / "tiny", embedding_size=16)


# --- one graph of two ---------------------------------------------------------------------------


def test_the_one_graph_is_compared_with_the_two(network: Path) -> None:
    from genrekit.export.graph import Graph

    def head(seed: int) -> bytes:
        graph = Graph()
        weights = np.random.default_rng(seed).normal(0, 1, (16, 3))
        x = graph.add("MatMul", graph.as_double(DESCRIPTION), graph.constant(weights))
        return graph.finish(graph.as_float(x), input_name=DESCRIPTION, n_columns=16, n_labels=3)

    before = (network / "model.onnx").read_bytes()
    model = composed(before, head(0), inputs=("mel",))
    rows = {"mel": np.random.default_rng(1).normal(-40, 10, (4, 32, 42)).astype(np.float32)}
    assert check_composed(model, before, head(0), rows, n_labels=3) < 1e-5
    session = open_session(model, inputs=("mel",), n_labels=3)
    assert {node.name for node in session.get_outputs()} == {"logits", "embedding"}
    assert run_session(session, rows, n_labels=3).shape == (4, 3)
    with pytest.raises(BundleError, match="the joined graph differs from its parts"):
        check_composed(model, before, head(1), rows, n_labels=3)
    with pytest.raises(BundleError, match="cannot be joined"):
        composed(head(0), head(1), inputs=(DESCRIPTION,))


# --- fine-tuning --------------------------------------------------------------------------------


def tuned(clips: Path, part: str, **changes: Any) -> Recipe:
    backbone = Cnn14(weights="random", width=2)
    model = Pretrained(backbone=backbone, train=part, projection=8, dropout=0.0)
    fields = {
        "frontend": WaveformConfig(sample_rate_hz=32000),
        "model": model,
        "excerpt": ExcerptConfig(start_seconds=0, duration_seconds=0.5),
        "windows": WindowConfig(
            window_seconds=0.5, hop_seconds=0.5, short="loop", minimum_seconds=0.5
        ),
        "training": TrainingConfig(epochs=1, batch_size=16),
    } | changes
    return on_clips(clips, **fields)


def test_the_head_alone_or_all_of_it_is_trained(
    clips: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    kept: dict[str, dict[str, torch.Tensor]] = {}
    for part, prefix in (("head", "body.0.inner."), ("all", "body.0.")):
        out = train(tuned(clips, part), tmp_path / part, cache=cache)
        state = load_file(out / "weights.safetensors")
        kept[part] = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if name.startswith(prefix)
        }
    assert set(kept["head"]) == set(kept["all"])
    running = kept["head"]["bn0.running_mean"]
    assert not running.any(), "statistics of a frozen backbone stay"
    assert kept["all"]["bn0.running_mean"].any()


def test_levels_of_samples_are_not_changed_as_decibels(clips: Path, tmp_path: Path) -> None:
    loud = TrainingConfig(augment=Augment(gain_db=3))
    with pytest.raises(ConfigError, match=r"waveform gives samples"):
        train(tuned(clips, "all", training=loud), tmp_path / "deep")


def test_a_backbone_at_another_rate_is_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cnn14 takes audio at 32000 Hz; set frontend\.sample_"):
        train(tuned(clips, "all", frontend=WaveformConfig()), tmp_path / "deep")
    with pytest.raises(ConfigError, match="pretrained takes one waveform"):
        train(tuned(clips, "all", frontend=Gtzan57Config()), tmp_path / "deep")


# --- recipes ------------------------------------------------------------------------------------


def test_backbones_are_named_in_recipes(tmp_path: Path) -> None:
    path = tmp_path / "head.yaml"
    text = on_clips(tmp_path, backbone=VGGISH).text
    path.write_text(text)
    read = load_recipe(path)
    assert read.backbone == VGGISH
    elsewhere = with_weights(read, Path("vggish.pth"))
    assert isinstance(elsewhere.backbone, Vggish)
    assert elsewhere.backbone.weights == Path("vggish.pth").absolute()
    assert str(Path.cwd()) not in elsewhere.model_copy(update={"source": ""}).text
    named = load_recipe(path, ["backbone={name: yamnet, weights: files/yamnet.tflite}"])
    assert named.backbone is not None
    assert named.backbone.model_dump()["weights"] == tmp_path / "files" / "yamnet.tflite"
    own = load_recipe(path, ["backbone={bundle: ./models/mine}"])
    assert own.backbone == BundleBackbone(bundle=str(tmp_path / "models" / "mine"))
    assert load_recipe(path, ["backbone={bundle: mine}"]).backbone == BundleBackbone(bundle="mine")
    with pytest.raises(ConfigError, match=r"no .*yamnett.*yamnet"):
        load_recipe(path, ["backbone={name: yamnett}"])
    with pytest.raises(ConfigError, match="a backbone brings its front-end; leave frontend out"):
        load_recipe(path, ["frontend={kind: gtzan57}"])


def test_weights_are_only_for_published_backbones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="head has none"):
        with_weights(on_clips(tmp_path), Path("file"))
    deep = with_weights(tuned(tmp_path, "all"), Path("file"))
    assert isinstance(deep.model, Pretrained)
    assert deep.model.backbone.weights == Path("file").absolute()


# --- columns of somebody else's -----------------------------------------------------------------


def archive(path: Path, names: list[str]) -> Path:
    """An archive in the form of the published features: two layers of four maps, and noise."""
    generator = np.random.default_rng(0)
    genres = [name.partition(".")[0] for name in names]
    number = {genre: place for place, genre in enumerate(sorted(set(genres)))}
    y = np.array([number[genre] for genre in genres])
    layers = {
        f"layer{layer}": generator.normal(0, 0.3, (len(names), 4))
        + np.eye(10)[y][:, layer * 4 :][:, :4]
        for layer in range(2)
    }
    arrays: dict[str, Any] = layers | {"mfcc": generator.normal(0, 1, (len(names), 3))}
    np.savez(path, track=np.array(names), genre=np.array(genres), **arrays)
    return path


def test_a_head_on_published_columns(table: Path, tmp_path: Path) -> None:
    names = [item.item_id for item in load_dataset("table", table).items]
    path = archive(tmp_path / "features.npz", names)
    recipe = Recipe(
        name="columns",
        data=DataConfig(corpus="table", path=path),
        frontend=ColumnsConfig(names=("layer*",)),
        model=Logistic(c=1),
        protocol=ProtocolConfig(name="fault-filtered"),
    )
    classifier = Classifier.load(train(recipe, tmp_path / "head"))
    (frontend,) = classifier.bundle.frontends.values()
    assert frontend.feature_names == tuple(
        f"layer{layer}_{number:03d}" for layer in range(2) for number in range(4)
    )
    assert classifier.bundle.metrics.results[0].accuracy.value > 0.5
    rows = classifier.predict_features({"columns": np.zeros((2, 8), np.float32)})
    assert rows.shape == (2, 10)
    with pytest.raises(ConfigError, match=r"rows of a table with 8 columns .*not audio"):
        classifier.predict_file(_silence(tmp_path))


def _silence(folder: Path) -> Path:
    import soundfile

    soundfile.write(folder / "silence.wav", np.zeros(44100), 22050)
    return folder / "silence.wav"


def test_columns_are_of_tables(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="columns of a table, and jukebox is audio"):
        train(on_clips(clips, frontend=ColumnsConfig()), tmp_path / "head")


# --- real data ----------------------------------------------------------------------------------


@pytest.mark.real
def test_a_head_on_chois_published_features_scores_as_known(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logistic regression, C 0.01: 0.793 on train, 0.828 on train and validation."""
    monkeypatch.setenv("GENREKIT_DATA", str(real_data))
    path = Path(__file__).parents[2] / "recipes" / "heads" / "choi-table.yaml"
    beside = "beside=[{name: fault-filtered, fit_on: train+valid}]"
    recipe = load_recipe(path, [beside, "calibrate=false"])
    results = load_bundle(train(recipe, tmp_path / "head")).metrics.results
    assert [round(one.accuracy.value, 3) for one in results] == [0.793, 0.828]
    assert [one.items for one in results] == [290, 290]


@pytest.mark.real
def test_chois_own_weights_describe_as_published(real_data: Path) -> None:
    """Features of single windows correlate with those of the published batches."""
    from genrekit.models.pretrained import backbone_config, build_body

    weights = real_data / "weights" / "choi2017" / "compact_cnn_theano.hdf5"
    body = build_body(backbone_config({"name": "choi2017", "weights": weights}), 29 * 12000).eval()
    known = np.load(real_data / "gtzan_tables" / "choi2017_features.npz")
    expected, found = [], []
    for genre in ("blues", "classical", "disco", "hiphop", "metal", "pop", "reggae", "rock"):
        track = f"{genre}.00001"
        row = int(np.flatnonzero(known["track"] == track)[0])
        expected.append(np.concatenate([known[f"layer{layer}"][row] for layer in range(5)]))
        clip = decode(
            real_data / "gtzan_audio" / "clips" / genre / f"{track}.flac",
            sample_rate_hz=12000,
            excerpt=ExcerptConfig(start_seconds=0, duration_seconds=29),
        )
        with torch.no_grad():
            x = torch.from_numpy(clip.samples)[None, None]
            found.append(body(x)[0].numpy())
    pairs = zip(np.array(expected).T, np.array(found).T, strict=True)
    correlations = [np.corrcoef(one, other)[0, 1] for one, other in pairs]
    assert np.median(correlations) > 0.8
