from __future__ import annotations

import pandas
import pytest

from mlops_nb import novelty


def test_files_are_told_by_name_and_content():
    found = novelty.of_files(
        {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "other", "d": "4", "e": "1"}
    )
    assert (found.new, found.old) == (("d", "e"), ("a",))
    assert (found.changed, found.gone) == (("b",), ("c",))


def frame(ids, values):
    return pandas.DataFrame({"id": ids, "x": values})


def test_rows_are_told_by_their_key():
    found = novelty.of_rows(frame([1, 2, 3], [1, 2, 3]), frame([2, 3, 4], [2, 9, 4]), "id")
    assert list(found.new["id"]) == [4]
    assert list(found.old["id"]) == [2, 3]
    assert (found.changed, found.gone) == (1, 1)


def test_rows_without_a_key_are_told_by_all_they_hold_and_copies_count():
    before = frame([1, 1, 2], [5.0, 5.0, 6.0])
    after = pandas.DataFrame({"x": [6, 5, 5, 5], "id": [2, 1, 1, 1]})
    found = novelty.of_rows(before, after)
    assert found.new[["id", "x"]].to_numpy().tolist() == [[1, 5]]
    assert (len(found.old), found.changed, found.gone) == (3, 0, 0)


def test_a_row_that_has_changed_is_one_that_is_gone_where_there_is_no_key():
    found = novelty.of_rows(frame([1, 2], [1, 2]), frame([1, 2], [1, 3]))
    assert (len(found.new), found.gone) == (1, 1)


def test_a_key_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        novelty.of_rows(frame([1], [1]), frame([1], [1]), "number")


def test_the_same_share_of_old_rows_again():
    rows = frame(range(100), range(100))
    again = [list(novelty.replayed(rows, 0.1)["id"]) for _ in range(2)]
    assert again[0] == again[1]
    assert len(again[0]) == 10
    assert len(novelty.replayed(rows, 0)) == 0


@pytest.fixture
def versions(tmp_path):
    """Two versions of a folder whose files are links to objects, as runs have them."""
    objects = tmp_path / "objects"
    objects.mkdir()
    for name in ("1", "2", "3"):
        (objects / name).write_text(f"id,x\n{name},0\n")
    for version, names in {"earlier": "12", "later": "123"}.items():
        folder = tmp_path / version / "data"
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.csv").symlink_to(objects / name)
    return tmp_path / "earlier" / "data", tmp_path / "later" / "data"


def test_a_folder_is_parted_by_its_files(versions):
    new, old = novelty.parted(*versions)
    assert (list(new["id"]), sorted(old["id"])) == ([3], [1, 2])


def test_a_folder_without_tables_has_no_rows(tmp_path):
    for name in ("earlier", "later"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "picture.png").write_text(name)
    new, old = novelty.parted(tmp_path / "earlier", tmp_path / "later")
    assert (len(new), len(old)) == (0, 0)
