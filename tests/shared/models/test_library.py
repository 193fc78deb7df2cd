"""Models are added, offered by name, removed, and deleted once no open job asks for them."""

import os
import time

import pytest

from shared.errors import ModelError
from shared.models import library
from shared.models.card import CARD, load_card
from shared.models.registry import SERVICES, folder
from shared.models.shelf import Shelf, reads_volumes
from shared.settings import Settings
from tests.support.tiny_models import by_brightness
from tests.support.volume_models import volume_card, volume_spec, write_volume_model


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def settings(store):
    return Settings(models=store, models_loaded=2, threads=1)


def add(tmp_path, store, name, version="1", **more):
    source = by_brightness(tmp_path / f"{name}-{version}", name=name, version=version, **more)
    return library.add(source, store)


def test_an_added_model_is_found_by_name_and_is_no_default(tmp_path, store, settings):
    _, home = add(tmp_path, store, "liver")
    assert library.named(store, "liver") == [home]
    assert library.named(store, "liver@1") == [home]
    assert library.named(store, "liver@2") == library.named(store, "spleen") == []
    assert folder("segmenter", settings) == SERVICES / "segmenter"


def test_of_two_versions_the_one_added_last_is_meant(tmp_path, store):
    _, old = add(tmp_path, store, "liver", "1")
    os.utime(old, (0, 0))
    _, new = add(tmp_path, store, "liver", "2")
    assert library.named(store, "liver") == [new, old]


def test_each_modality_has_a_default_of_its_own(tmp_path, store, settings):
    ct, home = add(tmp_path, store, "ct", modalities=("CT",))
    library.choose(store, ct, home)
    assert folder("segmenter", settings, "CT") == home
    assert folder("segmenter", settings, "MR") == SERVICES / "segmenter"
    both, other = add(tmp_path, store, "both", modalities=("MR", "CT"))
    library.choose(store, both, other)
    assert {folder("segmenter", settings, modality) for modality in ("MR", "CT")} == {other}


def test_the_choice_of_an_earlier_version_counts_for_both_modalities(tmp_path, store, settings):
    _, home = add(tmp_path, store, "mine")
    (store / "segmenter" / "chosen").write_text(home.name)
    assert folder("segmenter", settings, "MR") == folder("segmenter", settings, "CT") == home


def test_a_default_and_an_unknown_model_can_not_be_removed(tmp_path, store):
    card, home = add(tmp_path, store, "mine")
    library.choose(store, card, home)
    with pytest.raises(ModelError, match="default"):
        library.remove(store, "mine")
    with pytest.raises(ModelError, match="no model yours"):
        library.remove(store, "yours")


def test_a_removed_model_serves_the_jobs_that_wait_for_it_and_is_then_deleted(tmp_path, store, settings):
    card, home = add(tmp_path, store, "mine")
    library.remove(store, "mine")
    assert library.named(store, "mine") == []
    assert Shelf(settings).network("MR", card.key).card == card
    os.utime(home / library.REMOVED, (0, time.time() - library.KEPT - 1))
    library.purge(store, {card.key})
    assert home.is_dir()
    library.purge(store, set())
    assert not home.exists()
    with pytest.raises(ModelError, match="removed"):
        Shelf(settings).network("MR", card.key)


def test_a_model_that_was_removed_a_moment_ago_stays(tmp_path, store):
    _, home = add(tmp_path, store, "mine")
    library.remove(store, "mine")
    library.purge(store, set())
    assert home.is_dir()


def test_adding_a_removed_model_offers_it_again(tmp_path, store):
    add(tmp_path, store, "mine")
    library.remove(store, "mine")
    _, home = add(tmp_path, store, "mine")
    assert library.named(store, "mine") == [home]


def test_a_few_networks_stay_loaded_and_the_least_recently_used_one_goes_first(tmp_path, store, settings):
    cards = [add(tmp_path, store, name)[0] for name in ("a", "b", "c")]
    shelf = Shelf(settings)
    first, second = (shelf.network("MR", card.key) for card in cards[:2])
    assert shelf.network("MR", cards[0].key) is first
    shelf.network("MR", cards[2].key)
    assert shelf.network("MR", cards[0].key) is first
    assert shelf.network("MR", cards[1].key) is not second


def test_models_of_the_same_weights_and_other_labels_are_two(tmp_path, store, settings):
    one, _ = add(tmp_path, store, "one")
    other, _ = add(tmp_path, store, "other", labels=("liver", "spleen", "kidney"))
    assert one.identity == other.identity
    assert one.key != other.key
    shelf = Shelf(settings)
    assert shelf.network("MR", other.key).card.labels == ("liver", "spleen", "kidney")
    assert {one.key, other.key} <= set(shelf.describe()["models"])


def test_the_shelf_sees_added_models_at_once_and_passes_over_damaged_ones(tmp_path, store, settings):
    shelf = Shelf(settings)
    before = len(shelf.known())
    _, home = add(tmp_path, store, "mine")
    assert [each.card.name for each in shelf.known()][before:] == ["mine"]
    (home / CARD).write_text("{")
    assert len(shelf.known()) == before


def test_a_job_of_a_model_that_reads_volumes_needs_no_scores(tmp_path, store, settings):
    source = write_volume_model(tmp_path / "volumes", volume_card(volume_spec()), (1.0,))
    card, _ = library.add(source, store)
    assert reads_volumes(settings, "MR", card.key)
    assert not reads_volumes(settings, "MR")
    assert not reads_volumes(settings, "MR", "0" * 64)
    assert load_card(source / CARD).key == card.key
