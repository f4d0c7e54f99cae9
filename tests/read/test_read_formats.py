"""Which format a file is, found by looking into it; and files that are refused as a whole."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import pkgutil
import zipfile
from importlib import import_module
from pathlib import Path

import pytest
from extract_cases import (
    CONTACTS,
    REFERRALS,
    REFERRED,
    SECRET,
    TODAY,
    cells,
    census_file,
    child,
    csv_file,
    reading,
    refusal,
    workbook_file,
)

import forecaster.read
from forecaster.read import FORMATS, open_extract
from forecaster.types import InputError

HEAD = "child_id,event,date"


def one_of_each(folder: Path, name: str) -> dict[str, Path]:
    """Returns a small file of each format, all called alike."""
    places = [folder / source for source in ("annex_a", "cin_census", "events_csv", "totals_csv")]
    for place in places:
        place.mkdir()
    return {
        "annex_a": workbook_file(places[0], {"List_1": [CONTACTS, cells(CONTACTS, id=1, date_of_contact=TODAY)]}, name),
        "cin_census": census_file(places[1], child(REFERRED), name=name),
        "events_csv": csv_file(places[2], HEAD, "C1,contact,2023-05-02", name=name),
        "totals_csv": csv_file(places[3], "week,measure,count", "2023-05-01,contacts,9", name=name),
    }


def test_the_format_is_found_by_looking_at_the_file_not_its_name(tmp_path: Path) -> None:
    for source, path in one_of_each(tmp_path, "monday.xlsx").items():
        found = reading(path)
        assert (found.source, found.seen, found.rejects) == (source, 1, [])


def test_an_extract_says_its_name_its_digest_and_its_kind(tmp_path: Path) -> None:
    for source, path in one_of_each(tmp_path, "a.xlsx").items():
        extract = open_extract(path, SECRET, today=TODAY)
        assert extract.name == "a.xlsx"
        assert extract.digest == hashlib.sha256(path.read_bytes()).hexdigest()
        assert extract.kind == ("totals" if source == "totals_csv" else "events")
        list(extract.batches)


def test_every_reader_in_the_folder_is_listed_and_has_the_same_four_names() -> None:
    modules = [import_module(f"forecaster.read.{one.name}") for one in pkgutil.iter_modules(forecaster.read.__path__)]
    readers = [module for module in modules if hasattr(module, "recognises")]
    assert set(FORMATS) == set(readers)
    assert {reader.SOURCE for reader in readers} == {reader.__name__.rsplit(".", 1)[1] for reader in readers}
    assert {reader.KIND for reader in readers} == {"events", "totals"}


def test_no_two_readers_recognise_one_file(tmp_path: Path) -> None:
    for path in one_of_each(tmp_path, "a").values():
        assert sum(reader.recognises(path, path.read_bytes()) for reader in FORMATS) == 1


@pytest.mark.parametrize("source", ["events_csv", "totals_csv"])
def test_a_csv_may_be_gzipped(tmp_path: Path, source: str) -> None:
    plain = one_of_each(tmp_path, "a.csv")[source]
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert reading(packed).frame.equals(reading(plain).frame)


@pytest.mark.parametrize("source", ["annex_a", "cin_census"])
def test_only_a_csv_may_be_gzipped(tmp_path: Path, source: str) -> None:
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(one_of_each(tmp_path, "a")[source].read_bytes()))
    error = refusal(packed)
    assert "gzipped" in error.reason and error.remedy == "unpack it first"


@pytest.mark.parametrize("content", [b"", b"\n", b"  \r\n \t"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.xlsx"
    path.write_bytes(content)
    assert str(refusal(path)) == "empty.xlsx: the file is empty; export it again"


def test_an_empty_file_that_is_gzipped_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv.gz"
    path.write_bytes(gzip.compress(b""))
    assert "empty" in refusal(path).reason


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "nowhere.csv").reason
    assert "cannot be read" in refusal(tmp_path).reason


@pytest.mark.parametrize(
    "content",
    [
        b"a,b,c\n1,2,3\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"Dear all,\nplease find attached",
        b"{}",
        b"C1,contact,2023-05-02\n",
    ],
)
def test_an_unknown_format_says_what_the_four_formats_are_and_quotes_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "what.csv"
    path.write_bytes(content)
    error = refusal(path)
    assert error.reason == "the format is not known"
    for name in ("Annex A", "children in need census", "events CSV", "totals CSV"):
        assert name in error.remedy
    assert "C1" not in str(error)


@pytest.mark.parametrize(
    "head",
    [
        ",LAchildID,CINdetailsID,CINreferralDate,ReferralSource,PrimaryNeedCode,CINclosureDate,DateOfInitialCPC,ReferralNFA",
        ",LAchildID,CINdetailsID,CPPID,CPPreviewDate",
        ",LAchildID,UPN,FormerUPN,UPNunknown,PersonBirthDate,ExpectedPersonBirthDate,GenderCurrent,PersonDeathDate",
        ",LAchildID,Ethnicity",
        ",Collection,Year,ReferenceDate,SourceLevel,LEA,SoftwareCode,Release,SerialNo,DateTime",
    ],
)
def test_a_table_of_the_census_says_to_give_the_census(tmp_path: Path, head: str) -> None:
    error = refusal(csv_file(tmp_path, head, "0,RND000215205141,1,2020-07-13"))
    assert "census XML" in error.remedy and "RND" not in str(error)


def test_utf_16_text_says_how_to_save_it(tmp_path: Path) -> None:
    error = refusal(csv_file(tmp_path, HEAD, "C1,contact,2023-05-02", encoding="utf-16"))
    assert "UTF-16" in error.reason and "CSV UTF-8" in error.remedy


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    whole = workbook_file(tmp_path, {"List_3": [REFERRALS]}).read_bytes()
    path = tmp_path / "cut.xlsx"
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert str(refusal(path)) == "cut.xlsx: the workbook is cut short or damaged; copy or export it again"


def test_a_workbook_with_a_damaged_sheet_is_refused(tmp_path: Path) -> None:
    whole = workbook_file(tmp_path, {"List_3": [REFERRALS]})
    path = tmp_path / "damaged.xlsx"
    with zipfile.ZipFile(whole) as good, zipfile.ZipFile(path, "w") as bad:
        for info in good.infolist():
            content = good.read(info)
            bad.writestr(info, content[: len(content) // 2] if "sheet1.xml" in info.filename else content)
    assert "damaged" in refusal(path).reason


def test_a_workbook_with_a_password_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "secret.xlsx"
    envelope = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(504)
    path.write_bytes(
        envelope + "EncryptionInfo".encode("utf-16-le") + bytes(100) + "EncryptedPackage".encode("utf-16-le")
    )
    error = refusal(path)
    assert "protected with a password" in error.reason and "without a password" in error.remedy


def test_another_old_office_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.doc"
    path.write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(2000))
    assert "damaged" in refusal(path).reason


def test_a_zip_archive_without_a_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "extract.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extract.csv", HEAD)
    assert "no workbook" in refusal(path).reason


def test_a_workbook_that_unpacks_to_more_than_a_council_has_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecaster.read.annex_a._LARGEST", 1 << 20)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes((1 << 20) + 1))
    assert path.stat().st_size < 10_000
    assert "1 GB" in refusal(path).reason


BOMB = """<?xml version="1.0"?>
<!DOCTYPE Message [
 <!ENTITY a "ha">
 <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
 <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
 <!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
 <!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
 <!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">
 <!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">
 <!ENTITY h "&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;">
 <!ENTITY i "&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;">
]>
"""


@pytest.mark.parametrize(
    "xml",
    [
        BOMB + "<Message><Children><Child>&i;</Child></Children></Message>",
        BOMB + "<Message lolz='&i;'><Children/></Message>",
        '<!DOCTYPE Message SYSTEM "http://127.0.0.1:9/x.dtd"><Message/>',
        '<!DOCTYPE Message [<!ENTITY x SYSTEM "file:///etc/hostname">]><Message>&x;</Message>',
    ],
)
def test_xml_that_declares_a_document_type_is_refused_before_anything_unfolds(tmp_path: Path, xml: str) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text(xml)
    with pytest.raises(InputError, match=r"document type|damaged"):
        open_extract(path, SECRET, today=TODAY)


def test_a_truncated_census_is_refused_with_its_line_and_gives_no_batch(tmp_path: Path) -> None:
    whole = census_file(tmp_path, *(child(REFERRED, name=f"C{n}") for n in range(50))).read_text()
    path = tmp_path / "cut.xml"
    path.write_text(whole[: len(whole) * 3 // 4])
    extract = open_extract(path, SECRET, today=TODAY)
    with pytest.raises(InputError) as caught:
        next(extract.batches)
    assert "cut short" in caught.value.reason and caught.value.row


@pytest.mark.parametrize(("xml", "root"), [("<html><body/></html>", "html"), ("<EXPSSDA903/>", "EXPSSDA903")])
def test_other_xml_is_refused_by_its_root(tmp_path: Path, xml: str, root: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(xml)
    error = refusal(path)
    assert f"<{root}>" in error.reason and "<Message>" in error.remedy


def test_another_collection_of_the_department_is_refused(tmp_path: Path) -> None:
    path = census_file(tmp_path, child(REFERRED))
    path.write_text(path.read_text().replace(">CIN<", ">SC1<"))
    error = refusal(path)
    assert (error.column, error.reason) == ("Collection", "this is another collection")


def test_a_census_that_does_not_say_its_collection_is_read(tmp_path: Path) -> None:
    path = census_file(tmp_path, child(REFERRED))
    path.write_text(path.read_text().replace("<Collection>CIN</Collection>", ""))
    assert reading(path).seen == 1


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    rows = [f"C{n},contact,2023-05-{n % 28 + 1:02d}" for n in range(20_000)]
    packed = gzip.compress(csv_file(tmp_path, HEAD, *rows).read_bytes())
    path = tmp_path / "cut.csv.gz"
    for size in (len(packed) - 1, len(packed) // 2, 12):
        path.write_bytes(packed[:size])
        assert "gzipped file is cut short" in refusal(path).reason


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(csv_file(tmp_path, HEAD, "C1,contact,2023-05-02").read_bytes()))
    packed[-5] ^= 0xFF
    path = tmp_path / "bad.csv.gz"
    path.write_bytes(packed)
    assert "damaged" in refusal(path).reason


def test_an_empty_secret_is_never_used(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secret"):
        open_extract(csv_file(tmp_path, HEAD), b"", today=TODAY)


def test_the_day_it_was_received_decides_what_lies_in_the_future(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD, "C1,contact,2023-05-02")
    assert reading(path, today=dt.date(2023, 5, 2)).seen == 1
    assert reading(path, today=dt.date(2023, 5, 1)).places == ["row 2"]
