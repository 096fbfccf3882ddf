"""Which model is the champion, and the way back to the one before."""

from __future__ import annotations

from genrekit.bundles.add import add_bundle
from genrekit.bundles.aliases import (
    PACKAGED_DEFAULT,
    PromotionStep,
    before,
    read_promotions,
    write_promotion,
    write_roll_back,
)
from genrekit.bundles.bundle import load_bundle
from genrekit.bundles.store import (
    check_alias,
    find_bundle,
    packaged_directory,
    store_directory,
)
from genrekit.errors import ConfigError

CHAMPION = "champion"


def promote(model: str, alias: str = CHAMPION) -> PromotionStep:
    """Let ``default@alias`` mean a model from now on; servers that run follow.

    A packaged model is copied into the store first, so that an upgrade of genrekit does not change
    what was promoted.

    Parameters
    ----------
    model : str
        ``"name@version"``, ``"name@alias"`` or ``"name"``, which is its newest version.

    Raises
    ------
    ConfigError
        If there is no such model in the store or the package, or the alias is not a plain word.
    BundleError
        If it does not verify.
    """
    check_alias(alias)
    directory = find_bundle(model)
    if directory.parent == packaged_directory():
        directory = add_bundle(directory)
    if directory.parent.parent != store_directory():
        raise ConfigError(
            f"{model} is not in the store; put it there with genrekit models add {model}, then "
            "promote it by its name"
        )
    bundle = load_bundle(directory)
    bundle.check_predicts()
    manifest = bundle.manifest
    return write_promotion(store_directory(), alias, f"{manifest.name}@{manifest.version}")


def roll_back(alias: str = CHAMPION) -> PromotionStep:
    """Undo the last promotion that still holds; again and again, down to the packaged model.

    Raises
    ------
    ConfigError
        If there is none, or the model from before it is gone.
    BundleError
        If that does not verify.
    """
    earlier = before(promotion_history(alias))
    if earlier is None or (earlier == PACKAGED_DEFAULT and alias != CHAMPION):
        raise ConfigError(f"there is nothing to go back to: default@{alias} has no step before")
    load_bundle(earlier)
    return write_roll_back(store_directory(), alias, earlier)


def promotion_history(alias: str = CHAMPION) -> tuple[PromotionStep, ...]:
    """All steps of an alias, oldest first."""
    check_alias(alias)
    return read_promotions(store_directory()).get(alias, ())
