"""Configurations of the networks: named arrays to genre scores.

Nothing here imports torch, so a recipe is checked without it. The numbers of parameters that are
named are for a mel spectrogram of 128 bands and ten genres.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from genrekit.models.architecture import ModelConfig

#: What an array is, apart from its name: (n,), (bands, frames), or (1, samples).
Form = Literal["vector", "spectrogram", "waveform"]
Width = Annotated[int, Field(ge=1, le=4096)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
FilterCount = Annotated[int, Field(ge=0, le=1024)]


class NetworkConfig(ModelConfig):
    """What all networks share."""

    takes: ClassVar[tuple[Form, ...]]

    dropout: Dropout = Field(0.3, description="share of the embedding dropped before the scores")


class Mlp(NetworkConfig):
    """Fully connected layers on a feature vector, each followed by ReLU.

    The four published tabular networks are ``layers`` 256-128-64 and 512-256-128-64 with Adam, the
    latter with SGD, and 1024-512-256-128-64 with RMSprop.
    """

    takes = ("vector",)
    architecture: Literal["mlp"] = "mlp"
    layers: tuple[Width, ...] = Field((512, 256, 128, 64), min_length=1, max_length=12)
    layer_dropout: Dropout = Field(0.0, description="after every layer but the last")
    batch_norm: bool = False


class Cnn(NetworkConfig):
    """Blocks of convolution, batch norm, ReLU and pooling, averaged over time and frequency."""

    takes = ("spectrogram",)
    architecture: Literal["cnn"] = "cnn"
    channels: tuple[Width, ...] = Field((32, 64, 128, 256), min_length=1, max_length=8)


class Vgg(NetworkConfig):
    """Pairs of convolutions and more between poolings, then a fully connected layer.

    The plan of Simonyan and Zisserman, *Very deep convolutional networks for large-scale image
    recognition* (ICLR 2015), in small and with batch norm.
    """

    takes = ("spectrogram",)
    architecture: Literal["vgg"] = "vgg"
    channels: tuple[Width, ...] = Field((32, 64, 128, 256, 256), min_length=1, max_length=8)
    convolutions: tuple[Width, ...] = Field((1, 1, 2, 2, 2), description="in each block")
    dense: Width = 512
    dropout: Dropout = 0.5

    @model_validator(mode="after")
    def _a_number_for_each_block(self) -> Vgg:
        if len(self.channels) != len(self.convolutions):
            raise ValueError(
                f"channels has {len(self.channels)} blocks, convolutions {len(self.convolutions)}"
            )
        return self


class RecurrentConfig(NetworkConfig):
    """Recurrence in both directions over time, then attention pooling or the mean.

    The sequence is the frames of a spectrogram, or of any array whose last axis is time.
    """

    takes = ("spectrogram",)
    units: Width = 128
    layers: int = Field(2, ge=1, le=6)
    frames_per_step: int = Field(4, ge=1, le=256, description="frames averaged into one step")
    use_attention: bool = Field(
        True, description="weigh the steps by what each holds; without, all count the same"
    )
    attention: Width = Field(64, description="units that weigh the steps")
    layer_dropout: Dropout = Field(0.2, description="between recurrent layers")


class Bilstm(RecurrentConfig):
    """Bidirectional long short-term memory (Hochreiter and Schmidhuber 1997)."""

    architecture: Literal["bilstm"] = "bilstm"


class Bigru(RecurrentConfig):
    """Bidirectional gated recurrent units (Cho et al. 2014)."""

    architecture: Literal["bigru"] = "bigru"


class Crnn(NetworkConfig):
    """CNN-LSTM: a convolutional and a recurrent branch see the same array, then are concatenated.

    The plan of Feng, Liu and Yao, *Music genre classification with paralleling recurrent
    convolutional neural network* (2017).
    """

    takes = ("spectrogram",)
    architecture: Literal["crnn"] = "crnn"
    channels: tuple[Width, ...] = Field((32, 64, 128, 128), min_length=1, max_length=8)
    units: Width = 96
    frames_per_step: int = Field(4, ge=1, le=256, description="frames averaged into one step")


class Fusion(NetworkConfig):
    """A convolutional branch for a spectrogram and a dense one for a vector, fused late."""

    takes = ("spectrogram", "vector")
    architecture: Literal["fusion"] = "fusion"
    channels: tuple[Width, ...] = Field((32, 64, 128, 256), min_length=1, max_length=8)
    layers: tuple[Width, ...] = Field((256, 128), min_length=1, max_length=12)
    fused: Width = 128


class Transformer(NetworkConfig):
    """Self-attention over patches of a spectrogram.

    After Gong, Chung and Glass, *AST: audio spectrogram transformer* (Interspeech 2021), with few
    enough layers for a CPU. Positions are learned per row and per column of patches, or relative: a
    bias for each distance between two patches, as in Liu et al., *Swin transformer* (ICCV 2021).
    """

    takes = ("spectrogram",)
    architecture: Literal["transformer"] = "transformer"
    patch_bands: int = Field(16, ge=1, le=256)
    patch_frames: int = Field(16, ge=1, le=256)
    width: Width = 128
    depth: int = Field(4, ge=1, le=24)
    heads: int = Field(4, ge=1, le=32)
    positions: Literal["learned", "relative"] = "learned"
    layer_dropout: Dropout = 0.1

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Transformer:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


def _blocks_for(settings: dict[str, Any]) -> tuple[int, ...]:
    # Channels double from stage to stage, so wide ones leave no room for a fourth.
    return (4, 3, 2) if settings.get("base_channels", 0) >= 48 else (3, 3, 3, 2)


class Resnet(NetworkConfig):
    """Residual blocks with channel attention; 24 layers and 3.2 million parameters.

    He et al., *Deep residual learning for image recognition* (CVPR 2016); Hu, Shen and Sun,
    *Squeeze-and-excitation networks* (CVPR 2018). A genre adds one weight for each channel of the
    last stage and no more, so eight genres and two hundred cost nearly the same. With 64 base
    channels it has three stages and 20 layers, and 3.2 million parameters as well.
    """

    takes = ("spectrogram",)
    architecture: Literal["resnet"] = "resnet"
    base_channels: int = Field(32, ge=4, le=256, description="doubled from stage to stage")
    blocks: tuple[Width, ...] = Field(
        default_factory=_blocks_for,
        min_length=1,
        max_length=6,
        description="of each stage; by default 3, 3, 3, 2, and 4, 3, 2 from 48 base channels on",
    )
    use_attention: bool = Field(True, description="weigh channels by what all hold on average")
    squeeze: int = Field(16, ge=1, le=64, description="channels for one unit of attention")


class Mobile(NetworkConfig):
    """Depthwise-separable convolutions with inverted residuals; half a million parameters.

    Sandler et al., *MobileNetV2: inverted residuals and linear bottlenecks* (CVPR 2018).
    """

    takes = ("spectrogram",)
    architecture: Literal["mobile"] = "mobile"
    channels: tuple[Width, ...] = Field((16, 32, 48, 96, 144), min_length=1, max_length=8)
    blocks: int = Field(2, ge=1, le=8, description="in each stage")
    expansion: int = Field(4, ge=1, le=8)
    embedding: Width = 256


class Musicnn(NetworkConfig):
    """Filters of timbre and of tempo on windows of three seconds, whose level has no effect.

    After Pons and Serra, *musicnn: pre-trained convolutional neural networks for music audio
    tagging* (ISMIR, late-breaking session, 2019), with as many filters as that network uses.
    """

    takes = ("spectrogram",)
    architecture: Literal["musicnn"] = "musicnn"
    timbre: tuple[FilterCount, FilterCount] = Field(
        (23, 14), description="filters of 7 frames by 38 and by 67 bands"
    )
    tempo: tuple[FilterCount, FilterCount, FilterCount] = Field(
        (3, 7, 17), description="filters of 128, 64 and 32 frames by one band"
    )
    middle: Width = Field(64, description="channels of each of the three layers over time")
    embedding: Width = 200

    @model_validator(mode="after")
    def _some_filters(self) -> Musicnn:
        if not sum(self.timbre) + sum(self.tempo):
            raise ValueError("timbre and tempo have no filters at all")
        return self
