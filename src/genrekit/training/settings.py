"""Settings of how a network is trained; checked without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from genrekit.schema import Contract

Share = Annotated[float, Field(ge=0, le=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Filter = Literal["low-pass", "high-pass", "band-pass", "low-shelf", "high-shelf"]


class WaveformAugment(Contract):
    """Changed copies of the training recordings, made before their features are computed."""

    copies: int = Field(0, ge=0, le=50, description="of each recording that is trained on")
    pitch_semitones: float = Field(
        0.0, ge=0, le=12, description="higher or lower by up to this much, in the same time"
    )
    stretch: float = Field(
        0.0, ge=0, le=1, description="faster or slower by up to this share, at the same pitch"
    )
    gain_db: float = Field(0.0, ge=0, le=40, description="louder or quieter by up to this much")
    noise_snr_db: float | None = Field(
        None, ge=0, le=80, description="white noise this far below the music, or up to 20 dB more"
    )
    filters: tuple[Filter, ...] = Field((), description="one of these for each copy")

    @model_validator(mode="after")
    def _copies_differ(self) -> WaveformAugment:
        changes = any(getattr(self, name) not in (0, None, ()) for name in _CHANGES)
        if changes != bool(self.copies):
            raise ValueError(
                f"{self.copies} copies with {'some' if changes else 'no'} change; set copies and "
                f"at least one of {', '.join(_CHANGES)}, or none of them"
            )
        return self


_CHANGES = ("pitch_semitones", "stretch", "gain_db", "noise_snr_db", "filters")


class PictureAugment(Contract):
    """The picture pipeline: noise reduced, contrast, brightness and sharpness raised.

    Each amount is a share: 0.2 raises by 20 %. For levels from 0 to 1.
    """

    share: Share = Field(0.5, description="of the rows of a batch that go through it")
    denoise_pixels: float = Field(
        0.0, ge=0, le=10, description="deviation of the Gaussian blur that takes noise away"
    )
    contrast: float = Field(0.0, ge=-1, le=4)
    brightness: float = Field(0.0, ge=-1, le=4)
    sharpness: float = Field(0.0, ge=-1, le=4)

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        amounts = (self.denoise_pixels, self.contrast, self.brightness, self.sharpness)
        return bool(self.share and any(amounts))


class Augment(Contract):
    """Changes made to training batches, anew in every epoch; nothing else ever sees them.

    Those of levels (decibels) and of shape are for spectrograms; vectors know only ``mixup``.
    ``waveform`` is another thing: it adds copies of the recordings, for classical models too.
    """

    crop: float = Field(1.0, gt=0, le=1, description="share of the frames kept, from anywhere")
    time_masks: int = Field(0, ge=0, le=20, description="SpecAugment: stretches of frames hidden")
    time_mask_share: Share = Field(0.1, description="longest stretch, as a share of the frames")
    band_masks: int = Field(0, ge=0, le=20, description="SpecAugment: ranges of bands hidden")
    band_mask_share: Share = Field(0.15, description="widest range, as a share of the bands")
    gain_db: float = Field(0.0, ge=0, le=60, description="louder or quieter by up to this much")
    filter_db: float = Field(
        0.0, ge=0, le=60, description="a smooth curve over the bands, up to this much up or down"
    )
    noise_db: float = Field(0.0, ge=0, le=60, description="deviation of noise on every cell")
    mixup: float = Field(
        0.0, ge=0, le=10, description="alpha of the Beta distribution of shares; 0 is off"
    )
    cutmix: float = Field(0.0, ge=0, le=10, description="likewise, of the rectangle's area")
    pictures: PictureAugment = PictureAugment()
    waveform: WaveformAugment = Field(
        WaveformAugment(), description="of audio; made once, not anew in every epoch"
    )


class TrainingConfig(Contract):
    """How a network is trained, from its random weights to those that are kept."""

    epochs: int = Field(100, ge=1, le=100_000, description="at most; patience may end it earlier")
    batch_size: int = Field(32, ge=1, le=65536)
    optimiser: Literal["adam", "adamw", "sgd", "rmsprop"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=10)
    weight_decay: float = Field(1e-4, ge=0, le=1)
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd (Nesterov) and rmsprop")
    betas: tuple[Beta, Beta] = Field(
        (0.9, 0.999), description="of adam and adamw: decay of the two moments"
    )
    epsilon: float = Field(
        1e-8, gt=0, le=1, description="of adam, adamw and rmsprop: added to what they divide by"
    )
    schedule: Literal["constant", "plateau", "cosine", "warm-restarts", "one-cycle"] = "cosine"
    restart_epochs: int = Field(10, ge=1, description="of the first cycle of warm-restarts")
    restart_factor: float = Field(
        2.0, ge=1, le=10, description="how much longer each cycle is than the one before"
    )
    plateau_patience: int = Field(5, ge=1, description="epochs without a gain before a cut")
    plateau_factor: float = Field(0.5, gt=0, lt=1, description="what a cut multiplies by")
    patience: int | None = Field(
        15, ge=1, description="epochs without a gain before the end; None trains all epochs"
    )
    dropout_schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="how the network's dropout goes from its start to its end"
    )
    dropout_start: Share = Field(
        1.0, description="share of every dropout of the network in the first epoch"
    )
    dropout_end: Share = Field(0.0, description="likewise in the last epoch; constant has none")
    monitor: Literal["loss", "accuracy"] = Field("loss", description="what a gain is measured by")
    hold_out: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="share of the training recordings that choose the epoch, where the protocol "
        "has no validation part; 0 keeps the weights of the last epoch",
    )
    loss: Literal["cross-entropy", "binary", "asymmetric"] = "cross-entropy"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    balance: bool = Field(False, description="weigh genres so that each counts the same")
    oversample: bool = Field(
        False, description="repeat rows of smaller genres in every epoch, until all have as many"
    )
    clip_norm: float | None = Field(1.0, gt=0, description="longest gradient; None is any length")
    augment: Augment = Augment()
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU if any")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of products; auto is bfloat16 on a GPU that has it"
    )
    rows_in_memory_mb: float = Field(
        256.0, ge=0, description="rows of a front-end that take more are read from a file"
    )
    checkpoint_seconds: float = Field(
        60.0, ge=0, description="time between two checkpoints; 0 writes one after every epoch"
    )

    @model_validator(mode="after")
    def _mixed_labels_have_one_sum(self) -> TrainingConfig:
        if self.balance and self.loss != "cross-entropy":
            raise ValueError("balance weighs the genres of cross-entropy; binary losses have none")
        return self
