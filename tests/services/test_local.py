"""The folder of the embedded system."""

import os

from services.local import private_folder


def test_nobody_else_enters_the_folder_of_the_data_also_an_older_one(tmp_path):
    before = os.umask(0o022)
    try:
        private_folder(tmp_path / "new" / "data")
        (tmp_path / "old").mkdir(mode=0o755)
        private_folder(tmp_path / "old")
    finally:
        os.umask(before)
    for folder in (tmp_path / "new" / "data", tmp_path / "old"):
        assert folder.stat().st_mode & 0o777 == 0o700
