"""A recipe: one YAML file that says everything a bundle is made from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from genrekit.catalog import near_matches
from genrekit.datasets import Dataset, Relation, Split, checked_shares, make_split
from genrekit.errors import ConfigError
from genrekit.models import ModelConfig, model_config
from genrekit.models.pretrained import Pretrained, PublishedConfig, backbone_config
from genrekit.schema import (
    Contract,
    ExcerptConfig,
    FrontendConfig,
    Gtzan57Config,
    Probability,
    WindowConfig,
)
from genrekit.training.search_space import TuneConfig
from genrekit.training.settings import TrainingConfig


class CleanConfig(Contract):
    """What is done with the data before it is split; nothing unless it is asked for."""

    duplicates: Literal["keep", "drop"] = Field(
        "keep", description="drop keeps the first of equal rows, and of audio that sounds alike"
    )
    balance: Literal["none", "undersample"] = Field(
        "none",
        description="undersample leaves out recordings of larger genres, also of tests; to repeat "
        "those of smaller genres in training alone, see model.balance and training.oversample",
    )

    @property
    def active(self) -> bool:
        """Whether anything is done."""
        return self != CleanConfig()


class DataConfig(Contract):
    """Which corpus, and where it is.

    In a file, ``path`` is absolute or relative to the recipe, and may contain ``~`` and ``${NAME}``
    for environment variables.
    """

    corpus: str | None = Field(
        None,
        description="a name in genrekit.datasets.DATASETS; None takes what the path looks like",
    )
    path: Path | None = None
    options: dict[str, Any] = Field({}, description="passed to the loader of the corpus")
    clean: CleanConfig = CleanConfig()
    replaced: bool = Field(
        False, exclude=True, description="other data was named in place of it; not in the file"
    )


class ProtocolConfig(Contract):
    """How tracks are split into those that train and those that test."""

    name: str = Field(
        "fitting",
        description="a name in genrekit.datasets.PROTOCOLS; fitting takes the parts that the data "
        "names itself, else a holdout, or with few recordings k-fold",
    )
    fit_on: Literal["train", "train+valid"] = "train"
    n_folds: int = Field(10, ge=2, le=100)
    n_repeats: int = Field(5, ge=2, le=100, description="for repeated-kfold")
    by: tuple[Relation, ...] | None = Field(
        None, description="what is kept together; by default everything that is known"
    )
    shares: tuple[float, ...] | None = Field(
        None, description="of the holdout: train, valid and test, such as [0.8, 0.1, 0.1]"
    )
    seed: int = Field(0, ge=0)

    @field_validator("shares")
    @classmethod
    def _shares_are_of_one_whole(cls, shares: tuple[float, ...] | None) -> tuple[float, ...] | None:
        try:
            checked_shares(shares)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return shares

    def split(self, dataset: Dataset, **options: Any) -> Split:
        """As `make_split` makes it."""
        return make_split(
            dataset,
            self.name,
            by=self.by,
            n_folds=self.n_folds,
            n_repeats=self.n_repeats,
            shares=self.shares,
            seed=self.seed,
            **options,
        )


class LabelsConfig(Contract):
    """Which labels are learnt, and whether a track can have several of them.

    In a file, the path of a tree is absolute or relative to the recipe.
    """

    task: Literal["multi-label"] | None = Field(
        None,
        description="multi-label scores every genre by itself, though each track has only one; "
        "None takes what the corpus is",
    )
    tree: Path | dict[str, str | None] | None = Field(
        None,
        description="genre to parent, or a YAML file of that: a child implies its parents; None "
        "takes the tree of the corpus, {} none",
    )
    keep: tuple[str, ...] = Field((), description="only these; empty keeps all")
    most_common: int | None = Field(
        None, ge=2, description="of those, the ones that most recordings have"
    )
    minimum_tracks: int = Field(1, ge=1, description="of those, the ones with so many recordings")
    thresholds: Literal["per-genre", "common"] | Probability = Field(
        "per-genre",
        description="for multi-label: tuned on validation, for each genre or one for all; or a "
        "number, which is not tuned",
    )


def _model(value: Any) -> Any:
    return model_config(value) if isinstance(value, dict) else value


#: Any model configuration; its ``architecture`` says which.
Model = Annotated[SerializeAsAny[ModelConfig], BeforeValidator(_model)]


class ExportConfig(Contract):
    """The form in which a network is shipped."""

    int8: bool = Field(
        False, description="in eight bits, where answers stay the same and come sooner"
    )


class BundleBackbone(Contract):
    """A saved model, by name or directory, whose embedding is used as it is.

    In a file, a directory has a slash in it and is absolute or relative to the recipe.
    """

    bundle: str


def _backbone(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return BundleBackbone(**value) if "bundle" in value else backbone_config(value)


#: Any backbone: a published network by its ``name``, or a saved model.
BackboneConfig = Annotated[
    SerializeAsAny[PublishedConfig | BundleBackbone], BeforeValidator(_backbone)
]


class Recipe(Contract):
    """Everything that decides what a bundle becomes.

    The headline numbers are of a model fitted by ``protocol``. With ``final_fit: everything`` the
    weights that are saved are then fitted once more, on all tracks but those of ``leave_out``.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    version: str = Field("0.1.0", pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    description: str = ""
    licence: str = "MIT"
    data: DataConfig
    labels: LabelsConfig = LabelsConfig()
    frontend: FrontendConfig = Gtzan57Config()
    more_frontends: tuple[FrontendConfig, ...] = Field(
        (), max_length=7, description="for models that take several arrays: fusion"
    )
    backbone: BackboneConfig | None = Field(
        None,
        description="describes audio in place of front-ends; the model is fitted on its embedding",
    )
    model: Model
    training: TrainingConfig = Field(
        TrainingConfig(), description="how a network is trained; classical models have no use of it"
    )
    protocol: ProtocolConfig = ProtocolConfig()
    beside: tuple[ProtocolConfig, ...] = Field(
        (), description="further protocols, fitted on the fly; their numbers stand beside"
    )
    final_fit: Literal["protocol", "everything"] | None = Field(
        None,
        description="None is everything where the protocol fits several models, none of which is "
        "the one to save",
    )
    leave_out: Path | tuple[str, ...] | None = Field(
        None, description="tracks that the saved weights never see: their ids, or a file of them"
    )
    leave_out_because: str = ""
    export: ExportConfig = ExportConfig()
    calibrate: bool = Field(
        True, description="fit a temperature on validation tracks, else on out-of-fold scores"
    )
    unknown_below: Probability = 0.0
    excerpt: ExcerptConfig = ExcerptConfig()
    windows: WindowConfig = WindowConfig()
    seed: int = Field(0, ge=0, description="of everything random in fitting")
    tune: TuneConfig | None = Field(
        None, description="which settings genrekit tune looks for; training has no use of it"
    )
    source: str = Field(
        "", exclude=True, description="the YAML text; filled in by load_recipe, not in the file"
    )

    @model_validator(mode="after")
    def _backbone_has_its_own_frontend(self) -> Recipe:
        if self.backbone and self.model_fields_set & {"frontend", "more_frontends"}:
            raise ValueError("a backbone brings its front-end; leave frontend out")
        return self

    @property
    def frontends(self) -> dict[str, FrontendConfig]:
        """All front-ends by name, the first one first."""
        return {config.kind: config for config in (self.frontend, *self.more_frontends)}

    @property
    def text(self) -> str:
        """The YAML that this was read from, or one that says the same without folders."""
        if self.source:
            return self.source
        fields = self.model_dump(mode="json", exclude_defaults=True)
        fields["model"] = {"architecture": self.model.architecture, **fields["model"]}
        if self.backbone is None:
            fields["frontend"] = self.frontend.model_dump(mode="json")
        for section, chosen in ((fields, self.backbone), (fields["model"], self.model)):
            _name_backbone(section, getattr(chosen, "backbone", chosen))
        if self.data.path:
            fields["data"]["path"] = self.data.path.name
        if isinstance(self.labels.tree, Path):
            fields["labels"]["tree"] = self.labels.tree.name
        return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)


def _name_backbone(section: dict[str, Any], backbone: Any) -> None:
    """Write what a backbone is called, which is a default of its kind, and no folders."""
    if isinstance(backbone, PublishedConfig):
        section["backbone"] = {"name": backbone.name, **section.get("backbone", {})}
    paths = {"weights", "bundle"} & set(section.get("backbone", {}))
    for name in paths:
        section["backbone"][name] = Path(section["backbone"][name]).name


def with_weights(recipe: Recipe, weights: Path) -> Recipe:
    """``recipe`` with its backbone's weights read from this file.

    Raises
    ------
    ConfigError
        If it has no published backbone.
    """
    weights = weights.absolute()
    if isinstance(recipe.backbone, PublishedConfig):
        chosen = recipe.backbone.model_copy(update={"weights": weights})
        return recipe.model_copy(update={"backbone": chosen})
    if isinstance(recipe.model, Pretrained):
        tuned = recipe.model.backbone.model_copy(update={"weights": weights})
        model = recipe.model.model_copy(update={"backbone": tuned})
        return recipe.model_copy(update={"model": model})
    raise ConfigError(
        f"--weights is for recipes with a published backbone, and {recipe.name} has none"
    )


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read and validate a recipe.

    Parameters
    ----------
    path : str or Path
        The YAML file.
    overrides : sequence of str
        ``"section.key=value"``; the value is read as YAML, so ``3``, ``true`` and ``[a, b]`` are
        what they look like.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a setting is unknown, missing or out of range; the message
        names file, line and setting, and near matches of an unknown one.
    """
    path = Path(path)
    text, settings = read_settings(path, overrides)
    return recipe_of(settings, path, text, source=noted(overrides) + text)


def read_settings(path: Path, overrides: Sequence[str] = ()) -> tuple[str, dict[str, Any]]:
    """Text of a YAML file, and what it says after ``overrides``, which nothing has checked.

    Raises
    ------
    ConfigError
        If it cannot be read, or an override has another form than ``section.key=value``.
    """
    text, settings = _read(path)
    if "source" in settings:
        raise ConfigError(f"{path}: source is not a setting; the recipe itself is kept in it")
    for one in overrides:
        override(settings, one)
    return text, settings


def noted(overrides: Sequence[str]) -> str:
    """Comments that say what was overridden, to stand before a recipe's text."""
    return "".join(f"# overridden: {_discreet(override)}\n" for override in overrides)


def recipe_of(
    settings: Mapping[str, Any], path: Path, text: str = "", *, source: str = ""
) -> Recipe:
    """Return settings as a recipe.

    Parameters
    ----------
    settings : mapping
        As in a recipe's YAML; paths are relative to ``path``.
    path : Path
        The file that they are from.
    text : str
        That file's text, for messages to say lines of it.
    source : str
        What the recipe remembers as its YAML.

    Raises
    ------
    ConfigError
        If a setting is unknown, missing or out of range.
    """
    settings = dict(settings)
    _expand(settings, path.resolve().parent)
    try:
        return Recipe.model_validate({**settings, "source": source})
    except ValidationError as error:
        problems = [_explain(detail, settings, text) for detail in error.errors()]
        raise ConfigError(f"{path} is not a valid recipe:\n" + "\n".join(problems)) from None


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        settings = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the recipe {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} holds no settings; expected a mapping such as recipes/ have")
    return text, settings


def override(settings: dict[str, Any], text: str) -> None:
    """Change what ``section.key=value`` says, in place.

    Raises
    ------
    ConfigError
        If ``text`` has another form, or ``section`` is a value.
    """
    name, equals, value = text.partition("=")
    key = name.strip().rpartition(".")[2]
    if not equals or not key:
        raise ConfigError(f"--set {text!r} has no form; expected section.key=value")
    try:
        set_setting(settings, name, yaml.safe_load(value))
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text!r}: {value!r} is not a YAML value: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"--set {text!r}: {error}") from None


def set_setting(settings: dict[str, Any], name: str, value: Any) -> None:
    """Change the setting ``section.key`` in place.

    Raises
    ------
    ConfigError
        If ``section`` is a value.
    """
    *sections, key = name.strip().split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise ConfigError(f"cannot set {name}: {section} is a value, not a section")
    settings[key] = value


def _discreet(override: str) -> str:
    """Without folders: the text goes into bundles, and they say nothing of the machine."""
    name, _, value = override.partition("=")
    return f"{name}={Path(value).name}" if "/" in value else override


# --- paths --------------------------------------------------------------------------------------


def _expand(settings: dict[str, Any], folder: Path) -> None:
    data = settings.get("data")
    if isinstance(data, dict) and isinstance(data.get("path"), str):
        settings["data"] = {**data, "path": expanded(data["path"], folder)}
    model = settings.get("model")
    for section in (settings, model if isinstance(model, dict) else {}):
        expand_backbone(section, "backbone", folder)
    labels = settings.get("labels")
    if isinstance(labels, dict) and isinstance(labels.get("tree"), str):
        settings["labels"] = {**labels, "tree": expanded(labels["tree"], folder)}
    if isinstance(settings.get("leave_out"), str):
        settings["leave_out"] = expanded(settings["leave_out"], folder)


def expand_backbone(section: dict[str, Any], key: str, folder: Path) -> None:
    """Make paths of a backbone in a section absolute, in place; they are relative to ``folder``."""
    chosen = section.get(key)
    if not isinstance(chosen, dict):
        return
    weights, bundle = chosen.get("weights"), chosen.get("bundle")
    if isinstance(weights, str) and weights != "random":
        section[key] = {**chosen, "weights": expanded(weights, folder)}
    if isinstance(bundle, str) and "/" in bundle:
        section[key] = {**chosen, "bundle": str(expanded(bundle, folder))}


def expanded(text: str, folder: Path) -> Path:
    """Resolve a path of a recipe in ``folder``: ``${NAME}`` is a variable, ``~`` the home."""
    return folder / Path(os.path.expandvars(text)).expanduser()


def known_path(path: Path) -> Path:
    """``path``, which must hold no variable that the environment does not have.

    Raises
    ------
    ConfigError
        Naming the variable. It is asked for only when the path is used, so that another path can
        take its place.
    """
    if "${" in str(path):
        name = str(path).partition("${")[2].partition("}")[0]
        raise ConfigError(
            f"the recipe needs the environment variable {name}; set it, or name the data yourself "
            "(--data for data.path, --set leave_out=FILE)"
        )
    return path


# --- what is wrong ------------------------------------------------------------------------------


def _explain(detail: Any, settings: dict[str, Any], text: str) -> str:
    location = _written(detail["loc"], settings)
    name = ".".join(str(part) for part in location)
    line = _line(text, location)
    place = f"  line {line}, {name}" if line else f"  {name}"
    if detail["type"] != "extra_forbidden":
        return f"{place}: {detail['msg']}"
    known = sorted(_known_keys(location[:-1], settings))
    near = near_matches(str(location[-1]), known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known here: {', '.join(known)}"
    return f"{place}: there is no such setting; {hint}"


def _written(location: tuple[int | str, ...], settings: Any) -> tuple[int | str, ...]:
    """``location`` without the tags of unions that pydantic puts in."""
    written: list[int | str] = []
    for position, part in enumerate(location):
        here = isinstance(settings, dict) and part in settings
        inside = isinstance(settings, list) and isinstance(part, int) and part < len(settings)
        if here or inside:
            settings = settings[part]
            written.append(part)
        elif position == len(location) - 1:
            written.append(part)
    return tuple(written)


def _known_keys(section: tuple[int | str, ...], settings: dict[str, Any]) -> set[str]:
    """Return the settings that a section may have."""
    kinds: list[type[Contract]] = [Recipe]
    value: Any = settings
    for part in section:
        value = value[part]
        if isinstance(part, str):
            kinds = [
                found
                for kind in kinds
                if part in kind.model_fields
                for found in _contracts(kind.model_fields[part].annotation)
            ]
        if isinstance(value, dict) and isinstance(value.get("architecture"), str):
            kinds = [type(model_config({"architecture": value["architecture"]}))]
    return {name for kind in kinds for name in kind.model_fields} - {"source"}


def _contracts(annotation: Any) -> Iterator[type[Contract]]:
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        yield annotation
    for argument in get_args(annotation):
        yield from _contracts(argument)


def _line(text: str, location: tuple[int | str, ...]) -> int | None:
    """Line of a setting, from 1; None for one that is not in the file."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = None
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == part]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            pairs = [(value, value) for value in node.value[part : part + 1]]
        else:
            pairs = []
        if not pairs:
            return None
        line = pairs[0][0].start_mark.line + 1
        node = pairs[0][1]
    return line
