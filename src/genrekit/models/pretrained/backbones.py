"""Configurations of pretrained backbones: audio to an embedding. Nothing here imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from genrekit.catalog import Catalog
from genrekit.errors import ConfigError
from genrekit.models.networks import NetworkConfig, Width
from genrekit.models.pretrained.source import Source
from genrekit.schema import Contract, WindowConfig

BACKBONES = Catalog(
    "backbones",
    {
        "choi2017": "genrekit.models.pretrained.backbones:Choi2017",
        "cnn14": "genrekit.models.pretrained.backbones:Cnn14",
        "distilhubert": "genrekit.models.pretrained.backbones:DistilHubert",
        "efficientat": "genrekit.models.pretrained.backbones:EfficientAt",
        "musicnn": "genrekit.models.pretrained.backbones:Musicnn",
        "vggish": "genrekit.models.pretrained.backbones:Vggish",
        "yamnet": "genrekit.models.pretrained.backbones:Yamnet",
    },
    group="genrekit.backbones",
)

#: What builds the module of each; only these files import torch.
BODIES = Catalog(
    "backbone modules",
    {
        "choi2017": "genrekit.models.pretrained.choi2017:build",
        "cnn14": "genrekit.models.pretrained.cnn14:build",
        "distilhubert": "genrekit.models.pretrained.distilhubert:build",
        "efficientat": "genrekit.models.pretrained.efficientat:build",
        "musicnn": "genrekit.models.pretrained.musicnn_backbone:build",
        "vggish": "genrekit.models.pretrained.vggish:build",
        "yamnet": "genrekit.models.pretrained.yamnet:build",
    },
    group="genrekit.backbone_modules",
)


class PublishedConfig(Contract):
    """What all published backbones share.

    Attributes
    ----------
    source : Source
    sample_rate_hz : int
        Of the audio it takes.
    windows : WindowConfig
        What it is given where a recipe does not say.
    shortest_seconds : float
        The least that a window may have.
    """

    source: ClassVar[Source]
    sample_rate_hz: ClassVar[int]
    windows: ClassVar[WindowConfig]
    shortest_seconds: ClassVar[float]

    name: str
    weights: Path | Literal["random"] | None = Field(
        None, description="their file; random is for tests; None fetches the published ones"
    )

    @property
    def file(self) -> Path | None:
        """The file that is named, if one is."""
        return self.weights if isinstance(self.weights, Path) else None


def _windows(seconds: float, short: Literal["loop", "pad"] = "loop") -> WindowConfig:
    return WindowConfig(window_seconds=seconds, hop_seconds=seconds, short=short)


class Choi2017(PublishedConfig):
    """Five convolutions of 32 maps on 96 mel bands; the means of all five make the embedding.

    Choi, Fazekas, Sandler and Cho, *Transfer learning for music classification and regression
    tasks* (ISMIR 2017).
    """

    source = Source(
        name="choi2017",
        title="Compact CNN of Choi et al. 2017",
        url="https://raw.githubusercontent.com/keunwoochoi/music-auto_tagging-keras/master/"
        "compact_cnn/weights_theano.hdf5",
        file="weights_theano.hdf5",
        about_bytes=1_329_264,
        licence="MIT",
        # Not published; of copies of the network with its tags, and of its features alone.
        sha256="caf89f811415691fbb245be7eef394b9cebd787d7e3f78e29695972141cf2a08",
        known=("42e791b8c1b41ffe82c74d0501d8216eaee94d0b727b44de39ccc83ef810aed3",),
        pretrained_on=("msd",),
        citation="Choi, Fazekas, Sandler, Cho: Transfer learning for music classification and "
        "regression tasks. ISMIR 2017",
    )
    sample_rate_hz = 12000
    windows = _windows(29.0)
    shortest_seconds = 27.3
    name: Literal["choi2017"] = "choi2017"
    normalise: Literal["jukebox", "window"] = Field(
        "jukebox",
        description="whose mean and deviation each map is normalised by: those of one batch, ten "
        "tracks of genrekit's own jukebox, or those of each window by itself",
    )


class Yamnet(PublishedConfig):
    """MobileNet v1 on patches of 0.96 s every 0.48 s; the mean over patches.

    Plakal and Ellis, YAMNet, github.com/tensorflow/models (2020), from its TFLite file.
    """

    source = Source(
        name="yamnet",
        title="YAMNet, TensorFlow Lite classification model 1",
        url="https://storage.googleapis.com/tfhub-lite-models/google/lite-model/yamnet/"
        "classification/tflite/1.tflite",
        file="yamnet.tflite",
        about_bytes=4_126_810,
        licence="Apache-2.0",
        # As MediaPipe's build files have it; the other is of a copy without metadata.
        sha256="10c95ea3eb9a7bb4cb8bddf6feb023250381008177ac162ce169694d05c317de",
        known=("469be6a3421cbc52cf97e9f2f966cba984198e8e7af9854d68b3e3ebb1e04194",),
        pretrained_on=("audioset",),
        citation="Plakal, Ellis: YAMNet. github.com/tensorflow/models, 2020; Gemmeke et al.: Audio "
        "Set. ICASSP 2017",
    )
    sample_rate_hz = 16000
    windows = _windows(29.0)
    shortest_seconds = 0.975
    name: Literal["yamnet"] = "yamnet"


class Musicnn(PublishedConfig):
    """Filters of timbre and of rhythm on patches of three seconds; the mean over patches.

    Pons and Serra, *musicnn: pre-trained convolutional neural networks for music audio tagging*
    (2019), the network that learnt 50 tags on the Million Song Dataset. Filters that its training
    has brought to nothing are left out, which changes no number.
    """

    source = Source(
        name="musicnn",
        title="MSD-musicnn, from the wheel musicnn 0.1.0",
        url="https://files.pythonhosted.org/packages/1b/6f/"
        "38229e7d99c438e11114bbfa39c8c39185458c398011d0b6d7d7c7401617/"
        "musicnn-0.1.0-py3-none-any.whl",
        file="musicnn-0.1.0-py3-none-any.whl",
        about_bytes=29_292_476,
        licence="ISC",
        sha256="f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
        # As safetensors, whole and without dead filters; the index and the values in the wheel.
        known=(
            "2d705870bccdea97ecfc814565eeb60ddd65953335f66772ad57befa9b5d98db",
            "20cb5c307d48e92cb2a47ee50236ddd9326a1096a5303ba1373e1d23b217d76f",
            "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
            "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
        ),
        pretrained_on=("msd",),
        citation="Pons, Serra: musicnn: pre-trained convolutional neural networks for music audio "
        "tagging. ISMIR late-breaking session, 2019",
    )
    sample_rate_hz = 16000
    windows = _windows(29.0)
    shortest_seconds = 2.976
    name: Literal["musicnn"] = "musicnn"
    layer: Literal["penultimate", "pooled", "tags"] = Field(
        "penultimate",
        description="200 units before the tags, the loudest and the mean of every map over time, "
        "or the probabilities of the 50 tags",
    )
    patch_hop: int = Field(
        187, ge=1, le=187, description="frames of 16 ms from one patch to the next; 187 is a patch"
    )
    level_db: float | None = Field(
        None,
        ge=-60,
        le=0,
        description="bring each window to this root mean square, relative to full scale: the "
        "network is not indifferent to level; None takes windows as they are",
    )
    rolloff: bool = Field(
        True,
        description="weaken what is next to 8 kHz as the published program's resampler does; "
        "false for audio that is at 16 kHz by nature, or from that resampler",
    )
    width: Width = Field(
        51,
        description="filters of each of the rhythm's shapes, a quarter of those of each of the "
        "timbre's; a file has its own",
    )


class Vggish(PublishedConfig):
    """VGG-like network on patches of 0.96 s of 64 log-mel bands; the mean over patches.

    Hershey et al., *CNN architectures for large-scale audio classification* (ICASSP 2017), in the
    parameter names of github.com/harritaylor/torchvggish; without its PCA and quantisation.
    """

    source = Source(
        name="vggish",
        title="VGGish, converted to PyTorch",
        url="https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
        file="vggish-10086976.pth",
        about_bytes=288_000_000,
        licence="Apache-2.0",
        # Its first eight digits are in the published name.
        sha256="10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b",
        pretrained_on=("youtube-8m",),
        citation="Hershey et al.: CNN architectures for large-scale audio classification. ICASSP "
        "2017",
    )
    sample_rate_hz = 16000
    windows = _windows(29.0)
    shortest_seconds = 0.975
    name: Literal["vggish"] = "vggish"
    width: Width = Field(64, description="channels of the first convolution")
    dense: Width = 4096


class Cnn14(PublishedConfig):
    """Six pairs of convolutions on 64 log-mel bands at 32 kHz.

    Kong et al., *PANNs: large-scale pretrained audio neural networks for audio pattern recognition*
    (IEEE/ACM TASLP 2020), in its published parameter names.
    """

    source = Source(
        name="cnn14",
        title="PANNs CNN14, mAP 0.431",
        url="https://zenodo.org/records/3987831/files/Cnn14_mAP%3D0.431.pth",
        file="Cnn14_mAP=0.431.pth",
        about_bytes=327_000_000,
        licence="CC-BY-4.0",
        # No sha256 is published, and no copy was at hand to take one from.
        pretrained_on=("audioset",),
        citation="Kong et al.: PANNs. IEEE/ACM Transactions on Audio, Speech, and Language "
        "Processing 28, 2020",
    )
    sample_rate_hz = 32000
    windows = _windows(10.0)
    shortest_seconds = 0.5
    name: Literal["cnn14"] = "cnn14"
    width: Width = Field(64, description="channels of the first pair")


class EfficientAt(PublishedConfig):
    """MobileNetV3 on 128 mel bands at 32 kHz, distilled from transformers.

    Schmid, Koutini and Widmer, *Efficient large-scale audio tagging via transformer-to-CNN
    knowledge distillation* (ICASSP 2023), in its published parameter names (mn04, mn10, mn20, ...).
    """

    source = Source(
        name="efficientat",
        title="EfficientAT mn10_as, mAP 0.471",
        url="https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn10_as_mAP_471.pt",
        file="mn10_as_mAP_471.pt",
        about_bytes=19_708_753,
        licence="MIT",
        # No sha256 is published, and no copy was at hand to take one from.
        pretrained_on=("audioset", "imagenet"),
        citation="Schmid, Koutini, Widmer: Efficient large-scale audio tagging via "
        "transformer-to-CNN knowledge distillation. ICASSP 2023",
    )
    sample_rate_hz = 32000
    windows = _windows(10.0)
    shortest_seconds = 0.5
    name: Literal["efficientat"] = "efficientat"
    width: float = Field(1.0, gt=0, le=8, description="0.4 for mn04, 1 for mn10, 2 for mn20, ...")


class DistilHubert(PublishedConfig):
    """Two transformer layers on a 16 kHz waveform, distilled from HuBERT; the mean over time.

    Chang, Yang and Lee, *DistilHuBERT: speech representation learning by layer-wise distillation of
    hidden-unit BERT* (ICASSP 2022), through transformers. Zeros after the last sample that is none
    are masked, so windows filled up by ``windows.short: pad`` count with their real part alone.
    """

    source = Source(
        name="distilhubert",
        title="ntu-spml/distilhubert",
        url="https://huggingface.co/ntu-spml/distilhubert/resolve/main/pytorch_model.bin",
        file="pytorch_model.bin",
        about_bytes=94_000_000,
        licence="Apache-2.0",
        # No copy was at hand to take a sha256 from.
        pretrained_on=("librispeech",),
        citation="Chang, Yang, Lee: DistilHuBERT. ICASSP 2022",
    )
    sample_rate_hz = 16000
    windows = _windows(10.0, "pad")
    shortest_seconds = 0.1
    name: Literal["distilhubert"] = "distilhubert"
    layers: int = Field(2, ge=1, le=48)
    width: int = Field(768, ge=16, le=4096, multiple_of=16)
    heads: int = Field(12, ge=1, le=64)
    intermediate: Width = 3072
    conv_width: Width = 512


class Pretrained(NetworkConfig):
    """A backbone and a head in one network, for fine-tuning."""

    takes = ("waveform",)
    architecture: Literal["pretrained"] = "pretrained"
    backbone: Choi2017 | Yamnet | Musicnn | Vggish | Cnn14 | EfficientAt | DistilHubert = Field(
        DistilHubert(), discriminator="name"
    )
    train: Literal["head", "all"] = Field(
        "all", description="head leaves the backbone as it is, batch statistics included"
    )
    projection: Width | None = Field(
        256, description="units between the backbone and the scores; None leaves it out"
    )


def backbone_config(settings: dict[str, Any]) -> PublishedConfig:
    """The configuration that ``settings`` describe, by their ``name``.

    Raises
    ------
    ConfigError
        If there is no ``name``, or no backbone of it.
    pydantic.ValidationError
        If a setting is unknown or out of range.
    """
    name = settings.get("name")
    if not isinstance(name, str):
        raise ConfigError(
            f"backbone.name is missing; choose one of {', '.join(BACKBONES)}, or name a model of "
            "your own with backbone.bundle"
        )
    config: PublishedConfig = BACKBONES.get(name).model_validate(settings)
    return config
