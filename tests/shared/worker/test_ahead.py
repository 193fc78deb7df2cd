"""VISCERA_FILES names files for every tenant or for one, and only files that there are."""

import pytest

from shared.errors import VisceraError
from shared.worker.ahead import check_names, names_ahead


def test_a_name_counts_for_every_tenant_or_for_the_one_before_the_colon():
    setting = " thumbnail.png, ward:model.stl,,"
    assert names_ahead(setting, "ward") == {"thumbnail.png", "model.stl"}
    assert names_ahead(setting, "other") == {"thumbnail.png"}
    assert names_ahead("", "ward") == set()


def test_a_name_that_no_job_has_is_refused():
    check_names("thumbnail.png, ward:model.stl", {"thumbnail.png", "model.stl"})
    with pytest.raises(VisceraError, match=r"model\.usdz"):
        check_names("ward:model.usdz", {"model.stl"})
