"""categories.toml in, frozen settings or one clear line out."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import SettingsError
from pipeline.settings import (
    RECIPES,
    FolderSource,
    PagesSource,
    SetSettings,
    load_settings,
)

TWO = '[[category]]\nname = "猫"\n[[category]]\nname = "dog"\nqueries = ["big dog"]\n'


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> SetSettings:
        file = tmp_path / "categories.toml"
        file.write_text(text, encoding="utf-8")
        return load_settings(file)

    return load


def test_what_is_not_written_has_its_default(load):
    settings = load(TWO)

    assert settings.category_names == ("猫", "dog")
    assert settings.scrape.min_side == 64
    assert settings.train.recipe == "finetune"
    assert settings.train.backbone == "ResNet50"
    assert settings.train.noise == "none"


def test_paths_are_relative_to_the_file(load, tmp_path):
    settings = load(
        TWO
        + '[[source]]\nkind = "folder"\npath = "mine"\n'
        + '[train]\nweights = "net.weights.h5"\n'
    )

    (source,) = settings.source
    assert isinstance(source, FolderSource)
    assert source.path == tmp_path / "mine"
    assert settings.train.weights == str(tmp_path / "net.weights.h5")


def test_sources_are_told_apart_by_their_kind(load):
    settings = load(TWO + '[[source]]\nkind="pages"\nurl="http://a.b/{category}"\n')

    assert isinstance(settings.source[0], PagesSource)


PUBLISHED = '[[source]]\nkind = "{}"\npath = "x"\n'


@pytest.mark.parametrize("kinds", [("mnist",), ("cifar",), ("mnist", "cifar")])
def test_published_data_alone_has_no_least_size_and_only_exact_copies(load, kinds):
    sources = "".join(map(PUBLISHED.format, kinds))
    asked = "[scrape]\nmin_side = 20\n[dedup]\nenabled = false\n"

    settings = load(TWO + sources)
    written = load(TWO + sources + asked)

    assert (settings.scrape.min_side, settings.dedup.enabled) == (0, "exact")
    assert (written.scrape.min_side, written.dedup.enabled) == (20, False)


@pytest.mark.parametrize("other", ["folder", "parquet"])
def test_beside_other_sources_published_data_has_the_usual_limits(load, other):
    settings = load(TWO + PUBLISHED.format("mnist") + PUBLISHED.format(other))

    assert (settings.scrape.min_side, settings.dedup.enabled) == (64, True)


def test_settings_can_not_be_changed(load):
    settings = load(TWO)

    with pytest.raises(ValidationError):
        settings.contact = "someone"


MISTAKES = {
    "unknown key": (
        TWO + "[scrape]\nper_catgory = 3\n",
        r"\[scrape\] unknown key 'per_catgory'; did you mean 'per_category'\?",
    ),
    "unknown table": (TWO + "[sccrape]\n", r"unknown key 'sccrape'; did you mean"),
    "out of range": (
        TWO + "[dedup]\nmax_distance = 80\n",
        r"\[dedup\] max_distance must be less than or equal to 64, got 80",
    ),
    "wrong type": (
        TWO + '[train]\nepochs = "many"\n',
        r"\[train\] epochs must be a valid integer, got 'many'",
    ),
    "seed beyond what Keras takes": (
        TWO + "[train]\nseed = 5000000000\n",
        r"\[train\] seed must be less than 4294967296, got 5000000000",
    ),
    "batches that are no number": (
        TWO + '[train]\nbatches_per_epoch = "all"\n',
        r"\[train\] batches_per_epoch must be a number from 1 on, or 'pass', got 'all'",
    ),
    "no batches": (
        TWO + "[train]\nbatches_per_epoch = 0\n",
        r"\[train\] batches_per_epoch must be a number from 1 on, or 'pass', got 0",
    ),
    "unknown recipe": (
        TWO + '[train]\nrecipe = "magic"\n',
        r"\[train\] recipe must be 'finetune', 'quick', .* or '.*', got 'magic'",
    ),
    "unknown noise": (
        TWO + '[train]\nnoise = "blur"\n',
        r"\[train\] noise must be 'none', 'shop' or 'augmix', got 'blur'",
    ),
    "noise where none can be": (
        TWO + '[train]\nrecipe = "quick"\nnoise = "shop"\n',
        r"\[train\] noise = \"shop\" can't be used by recipe = \"quick\", .*set noise"
        r' = "none", or recipe = "finetune"',
    ),
    "a hash of no file": (
        TWO + f'[train]\nweights = "none"\nweights_sha256 = "{"ab" * 32}"\n',
        r"\[train\] weights_sha256 is of a file, and weights is \"none\": set"
        r" weights to the file's path, or remove weights_sha256",
    ),
    "a hash of what Keras fetches": (
        TWO + f'[train]\nweights_sha256 = "{"ab" * 32}"\n',
        r"\[train\] weights_sha256 is of a file, and weights is \"imagenet\"",
    ),
    "a hash that is none": (
        TWO + '[train]\nweights = "a.h5"\nweights_sha256 = "abc"\n',
        r"\[train\] weights_sha256 must be a sha256: 64 digits 0-9 and a-f, got 'abc'",
    ),
    "precision where none can be": (
        TWO + '[train]\nrecipe = "quick"\nprecision = "mixed_bfloat16"\n',
        r"\[train\] precision = \"mixed_bfloat16\" can't be used by recipe = \"quick\","
        r' .*set precision = "auto", or recipe = "finetune"',
    ),
    "no category": ("", r"category is missing: a set needs at least two"),
    "one category": ('[[category]]\nname = "cat"\n', r"at least two .*got 1"),
    "same name twice": (
        '[[category]]\nname = "cat"\n' * 2,
        r"needs a name of its own; twice: \['cat'\]",
    ),
    "category without name": (
        TWO + "[[category]]\n",
        r"\[\[category\]\] 3: name is missing",
    ),
    "unprintable name": (
        TWO + '[[category]]\nname = "a\\nb"\n',
        r"\[\[category\]\] 3: name must be printable",
    ),
    "unknown source": (
        TWO + '[[source]]\nkind = "ftp"\n',
        r"\[\[source\]\] 1: kind is 'ftp'; it must be one of cifar, commons,"
        r" folder, mnist, openverse, pages, parquet, urls",
    ),
    "a licence there is not": (
        TWO + '[scrape]\nlicences = ["foo"]\n',
        r"\[scrape\] licences must be of cc0, pdm, by, .*, got \['foo'\]",
    ),
    "no licence at all": (
        TWO + "[scrape]\nlicences = []\n",
        r"\[scrape\] licences must be of cc0, .*, got \[\]",
    ),
    "source without its key": (
        TWO + '[[source]]\nkind = "folder"\n',
        r"\[\[source\]\] 1: path is missing",
    ),
    "a source's misspelt key": (
        TWO + '[[source]]\nkind = "folder"\npth = "x"\n',
        r"\[\[source\]\] 1: unknown key 'pth'; did you mean 'path'\?",
    ),
    "a source without its kind": (
        TWO + '[[source]]\npath = "x"\n',
        r"\[\[source\]\] 1: kind is missing; it is one of cifar, commons,",
    ),
    "a source's unknown key": (
        TWO + '[[source]]\nkind = "folder"\npath = "x"\nurl = "y"\n',
        r"\[\[source\]\] 1: unknown key 'url'; .*known: kind, path",
    ),
    "not a web address": (
        TWO + '[[source]]\nkind = "pages"\nurl = "shop.html"\n',
        r"\[\[source\]\] 1: url must be an http:// or https:// address",
    ),
    "nobody's home": (
        TWO + '[[source]]\nkind = "folder"\npath = "~no-such-user/photos"\n',
        r"\[\[source\]\] 1: path .*home.*, got '~no-such-user/photos'",
    ),
    "nothing left to train": (
        TWO + "[split]\nval = 0.5\ntest = 0.5\n",
        r"\[split\] val and test together must leave photos to train on",
    ),
    "not TOML": ("name = ", r"not valid TOML"),
}


@pytest.mark.parametrize(("text", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_that_names_file_key_and_what_was_expected(
    load, text, told
):
    with pytest.raises(SettingsError) as caught:
        load(text)

    message = str(caught.value)
    assert re.search(told, message), message
    assert "categories.toml" in message
    assert "\n" not in message


def test_a_missing_file_is_told_by_its_name(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.toml does not exist"):
        load_settings(tmp_path / "nowhere.toml")


def test_the_file_that_new_writes_is_valid_and_says_the_defaults(load):
    starter = files("pipeline").joinpath("starter.toml").read_text(encoding="utf-8")
    settings = load(starter)
    # every commented default, switched on, must be what it is without; left out are
    # the other sources' keys and what a recipe chooses
    others = (
        "kind|url|path|weights_sha256|max_pages|epochs|batches_per_epoch|max_minutes"
    )
    switched_on = load(
        re.sub(rf"^# (?!(?:{others}) )(?=\w+ = )", "", starter, flags=re.MULTILINE)
    )

    assert settings.category_names == ("Stratocaster", "Les Paul")
    assert switched_on == settings
    assert "# batch_size" in starter


def test_every_recipe_of_the_file_is_documented_in_the_starter():
    starter = Path(str(files("pipeline"))) / "starter.toml"
    text = starter.read_text(encoding="utf-8")

    assert all(f'"{name}"' in text for name in RECIPES)


def test_every_set_that_comes_with_mekiki_can_be_read():
    folder = Path(__file__).parent.parent / "datasets"
    sets = {file.parent.name: file for file in folder.glob("*/categories.toml")}

    guitars = load_settings(sets["guitars"])
    assert len(guitars.category_names) == 13
    assert all(category.queries for category in guitars.category)
    flowers = load_settings(sets["sakura-cosmos"])
    assert flowers.category_names == ("cherry blossom", "cosmos")
    assert (flowers.train.recipe, flowers.split.val) == ("first-cnn", 0.33)
    for category in flowers.category:
        assert len({query.isascii() for query in category.queries}) == 2  # Japanese too
    assert [load_settings(file) for file in sets.values()]
