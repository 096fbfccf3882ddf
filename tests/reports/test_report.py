"""What a report says, what it keeps apart, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import genrekit
from genrekit.datasets import Dataset, make_split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation.results import confused, read_run, write_run
from genrekit.evaluation.run import RunResult
from genrekit.markdown import plain
from genrekit.pages import latex_text
from genrekit.reports import Report, report

MakeRun = Callable[..., RunResult]
MakeData = Callable[..., Dataset]


@pytest.fixture(scope="module")
def told(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    pytest.importorskip("plotly")
    out = tmp_path_factory.mktemp("out")
    return report(measured, [out / "r.html", out / "r.md", out / "r.tex"])


def written(told: Report, suffix: str) -> str:
    return next(Path(f) for f in told.files if f.endswith(suffix)).read_text(encoding="utf-8")


# --- what it says -------------------------------------------------------------------------------


def test_it_opens_with_the_answer(told: Report, measured: Path) -> None:
    best = read_run(measured / "m1.json").result
    shown = f"{100 * best.accuracy.value:.1f} %"
    assert told.answer.startswith(f"m1 is right on {shown} of 120 tracks")
    assert "under the protocol grouped-kfold" in told.answer
    assert "It cannot be told from m2 (McNemar's test (mid-p), 5 %, Holm)." in told.answer
    assert "As the best of 3 by these very tracks it flatters a little." in told.answer
    assert "No leak is known in this number." in told.answer
    assert "Under segments-leaky (LEAKY) the same model shows" in told.answer
    page = written(told, ".html")
    assert page.index("m1</b> is right on") < page.index("<h2>")


def test_each_way_to_write_holds_the_numbers(told: Report, measured: Path) -> None:
    for name in ("m0", "m1", "m2"):
        one = read_run(measured / f"{name}.json").result
        for suffix in (".html", ".md", ".tex"):
            text = written(told, suffix).replace("{[}", "[").replace("{]}", "]").replace("\\[", "[")
            shown = f"{one.macro_f1.value:.3f} [{one.macro_f1.low:.3f}"
            assert shown in text, (name, suffix)


def test_the_confusion_matrix_lists_its_tracks(told: Report, measured: Path) -> None:
    page = written(told, ".html")
    cells = confused(read_run(measured / "m1.json"))
    assert len(cells) > 3
    for (true, predicted), items in cells.items():
        row = page.split(f'data-key="{true} &gt; {predicted}"')[1].split("</tr>")[0]
        assert row.count("<td") == 4
        assert set(row.split('class="long">')[-1].split("</td>")[0].split(", ")) == set(items)


def test_curves_of_training_and_robustness_are_there(told: Report) -> None:
    text = written(told, ".md")
    assert "The validation loss is lowest after epoch 3: 1.000." in text
    assert "## Robustness of m1 1.0.0" in text
    assert text.count("![") == len([file for file in told.files if file.endswith(".png")]) > 10
    for place in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert any(file.endswith(place) for file in told.files)


def test_latex_has_a_table_for_every_set_of_tests(told: Report) -> None:
    text = written(told, ".tex")
    assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule") == len(told.groups) == 2
    assert r"\toprule" in text
    assert "LEAKY" in text.split(r"\begin{table}")[2]


def test_the_paragraph_on_methods_cites_what_is_beside_it(told: Report) -> None:
    page = written(told, ".md").partition("## Methods, to be quoted")[2]
    said = page.partition("**BibTeX**")[0]
    assert "3 models on 120 tracks of made" in said
    assert "compared by McNemar's mid-p test, adjusted by Holm for 3 pairs" in said
    entries = dict(
        re.findall(r"^@\w+\{(\w+),((?:.|\n)*?\})\}$", written(told, ".bib"), re.MULTILINE)
    )
    assert {"fagerland2013", "holm1979", "wilson1927", "nadeau2003", "demsar2006"} <= set(entries)
    assert set(re.findall(r"(?:\[|, )(\w+\d{4})", said)) == set(entries)
    cited = re.findall(r"\\cite\{([^}]+)\}", written(told, ".tex"))
    assert {key for keys in cited for key in keys.split(",")} == set(entries)
    for entry in entries.values():
        assert entry.count("{") == entry.count("}")


def test_corpora_and_saved_models_are_described(
    make_run: MakeRun, tiny_bundle: Path, tmp_path: Path
) -> None:
    run = make_run(0.6, 0, name="tiny")
    content = run.result.model_copy(update={"protocol": "fault-filtered", "fitted_on": "train"})
    write_run(run.model_copy(update={"result": content}), tmp_path / "run.json")
    found = report([tmp_path / "run.json", tiny_bundle], tmp_path / "r.md")
    said = written(found, ".md").partition("## Methods, to be quoted")[2]
    assert "[tzanetakis2002, sturm2013]" in said.replace("\\", "")
    assert "artists kept apart [kereliuk2015]" in said.replace("\\", "")
    assert "Models were fitted on the training part." in said
    assert "tiny 0.1.0 is of the architecture" in said


def test_equal_results_give_equal_reports(told: Report, measured: Path, tmp_path: Path) -> None:
    again = report([measured], tmp_path / "again.html")
    assert Path(again.files[0]).read_text(encoding="utf-8") == written(told, ".html")
    assert again.answer == told.answer
    # Small enough for a mail, and nothing is fetched.
    assert Path(again.files[0]).stat().st_size < 4_000_000
    links = re.findall(r'(?:src|href)="([^"]*)"', written(told, ".html"))
    assert all(link.startswith(("#", "data:")) for link in links)


def test_figures_for_papers(measured: Path, tmp_path: Path) -> None:
    found = report(measured / "m1.json", tmp_path / "r.md", figures="svg")
    assert {Path(file).suffix for file in found.files} == {".md", ".svg"}
    with pytest.raises(ConfigError, match="png, svg, pdf"):
        report(measured, tmp_path / "r.md", figures="gif")


def test_it_is_one_call_from_python(measured: Path) -> None:
    assert genrekit.report is report
    found = genrekit.report(measured)
    assert found.files == ()
    assert Report.model_validate_json(found.model_dump_json()) == found


# --- what stands apart --------------------------------------------------------------------------


def test_other_tests_stand_apart_with_the_reason(told: Report) -> None:
    honest, leaky = told.groups
    assert (honest.models, honest.leaky, honest.apart) == (("m1", "m2", "m0"), False, "")
    assert (leaky.models, leaky.leaky) == (("m1",), True)
    assert leaky.apart.startswith("they were tested on different data")
    assert f"Not compared with the numbers above: {plain(leaky.apart)}." in written(told, ".md")


def test_what_is_leaky_never_comes_first(make_run: MakeRun, tmp_path: Path) -> None:
    for name, leaky, share in (("aa-leaky", True, 0.95), ("zz-mine", False, 0.5)):
        content = json.loads(make_run(share, 0).model_dump_json())
        content["result"] |= {"protocol": name, "leaky": leaky, "split_fingerprint": "a" * 64}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    assert [group.protocol for group in report(tmp_path).groups] == ["zz-mine", "aa-leaky"]


def test_other_splits_and_labels_are_not_compared(
    make_run: MakeRun, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data()
    other = make_split(data, "grouped-kfold", n_folds=5, seed=1)
    runs = {
        "one": make_run(0.7, 0, dataset=data),
        "split": make_run(0.7, 1, dataset=data, split=other),
        "labels": make_run(0.7, 2, dataset=data, labels=("jazz", "pop", "rock", "ska")),
    }
    files = [write_run(run, tmp_path / f"{name}.json") for name, run in runs.items()]
    reasons = [group.apart for group in report(files).groups]
    assert len(reasons) == 3
    assert sorted(reason.split(" (")[0].split(";")[0] for reason in reasons) == [
        "",
        "they know different labels",
        "they were tested by different splits",
    ]


def test_results_of_one_name_are_told_apart_by_their_files(
    make_run: MakeRun, tmp_path: Path
) -> None:
    for seed in range(2):
        write_run(make_run(0.7, seed, name="same"), tmp_path / f"try {seed}.json")
    (group,) = report(tmp_path).groups
    assert set(group.models) == {"try 0", "try 1"}


def test_a_number_in_several_files_is_one_number(
    told: Report, measured: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    run = read_run(measured / "m0.json")
    (tmp_path / "result.json").write_text(run.result.model_dump_json())
    shutil.copy(measured / "m0.json", tmp_path / "run.json")
    (group,) = report(tmp_path).groups
    assert group.models == ("m0",)
    # A saved model has numbers without answers: they are shown, but nothing is tested.
    groups = report([measured / "m0.json", tiny_bundle]).groups
    assert [group.models for group in groups] == [("m0",), ("tiny",), ("tiny",)]


# --- leaks --------------------------------------------------------------------------------------


def test_leaks_are_reported_first(
    make_run: MakeRun, measured: Path, robustness_of: Callable[..., Path], tmp_path: Path
) -> None:
    run = make_run(0.7, 0)
    step = {"what": "scale", "on": "everything", "note": ""}
    content = json.loads(run.model_dump_json())
    content["result"]["steps"] = [step]
    (tmp_path / "declared.json").write_text(json.dumps(content))
    found = report(tmp_path)
    assert [leak.kind for leak in found.leaks] == ["fitted-before-split"]
    assert "A leak is known: model:" in found.answer
    # What leaks elsewhere is said, but of its own numbers.
    robustness_of(tmp_path / "robust.json", trained_on=7)
    both = report([measured / "m0.json", tmp_path / "robust.json"])
    assert "fitted on 7 of these 20 tracks" in both.leaks[0].evidence
    assert "No leak is known in this number. In further numbers 1 leak is known" in both.answer


def test_leaks_found_by_the_detector_are_listed(measured: Path, tmp_path: Path) -> None:
    line = {"where": "split.json", "kind": "artist", "evidence": "3 artists are on both sides"}
    (tmp_path / "leaks.jsonl").write_text(json.dumps({**line, "items": ["a"]}) + "\n")
    found = report([measured / "m0.json", tmp_path / "leaks.jsonl"], tmp_path / "r.html")
    assert "3 artists are on both sides" in found.answer
    assert "<h2>Leaks</h2>" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_what_audits_say_is_among_the_first_things(
    measured: Path, audited: Path, tmp_path: Path
) -> None:
    found = report([measured / "m0.json", audited], tmp_path / "r.html")
    assert found.answer.endswith("Data checks found errors: rows with equal features (1).")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "a and b are the same" in page.split("<h2>Data checks</h2>")[1]


def test_parts_that_are_called_tracks_are_a_leak(
    make_run: MakeRun, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(30, 2)
    run = make_run(0.7, 0, dataset=data, split=make_split(data, "segments-leaky", n_folds=3))
    content = json.loads(run.model_dump_json())
    called = {"unit": "track", "leaky": False, "protocol": "mine"}
    parts = {"result": content["segment_result"] | called, "answers": content["segments"]}
    content |= parts | {"segments": []}
    content |= dict.fromkeys(("segment_result", "segment_metrics", "metrics"))
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert [leak.kind for leak in report(tmp_path).leaks] == ["segments-called-tracks"]


# --- hostile names ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def attacked(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    pytest.importorskip("plotly")
    out = tmp_path_factory.mktemp("out")
    return report(hostile, [out / "r.html", out / "r.md", out / "r.tex"])


def test_names_stay_text_wherever_they_are_written(attacked: Report) -> None:
    page = written(attacked, ".html")
    assert "<img" not in page
    assert page.count("</script>") == page.count("<script")
    assert "document.title='owned'</script>" not in page
    text = written(attacked, ".md")
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    assert "<img" not in text.replace("\\<", "")
    assert "https://example" not in text
    for line in text.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) >= 3
    tables = written(attacked, ".tex")
    assert r"\input{" not in tables
    assert r"\textbackslash{}input\{/etc/passwd\} \$x\$ 100 \% \#1 \& co" in tables


def test_rows_of_hostile_tables_have_all_their_cells(attacked: Report) -> None:
    rows = [line for line in written(attacked, ".md").split("\n") if line.startswith("| ")]
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in rows]
    for place, line in enumerate(rows):
        if line.startswith("| ---"):
            width = widths[place]
            assert widths[place - 1] == width == widths[place + 1]


@pytest.mark.parametrize("text", ["a_b", "x\\y", "{}", "50 % & more", "#$~^", "<|>", "[1]"])
def test_latex_has_no_command_that_was_a_name(text: str) -> None:
    shown = latex_text(text)
    rest = re.sub(r"\\text\w+\{\}|\\[{}$&#%_]|\{\[\}|\{\]\}", "", shown)
    assert not set(rest) & set("\\{}$&#%_^~<>|")


# --- what is refused ----------------------------------------------------------------------------


def test_what_is_no_result_is_a_sentence(measured: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "cut.json").write_text((measured / "m0.json").read_text()[:-40])
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list.json").write_text("[1, 2]")
    for place, said in (
        (empty, "holds nothing to report on"),
        (tmp_path / "nothing.json", "cannot be read"),
        (tmp_path / "cut.json", "is not JSON, or was cut off"),
        (tmp_path / "other.json", "is nothing to report on"),
        (tmp_path / "deep.json", "is not JSON"),
        (tmp_path / "binary.json", "cannot be read"),
        (tmp_path / "list.json", "is nothing to report on"),
    ):
        with pytest.raises(DatasetError, match=re.escape(str(place))) as caught:
            report(place)
        assert said in str(caught.value)
    with pytest.raises(DatasetError, match="nothing to report on"):
        report([])


def test_damaged_and_edited_results_are_refused(measured: Path, tmp_path: Path) -> None:
    content = json.loads((measured / "m0.json").read_text())
    better = json.loads(json.dumps(content))
    better["result"]["accuracy"]["value"] = 0.99
    (tmp_path / "edited.json").write_text(json.dumps(better))
    with pytest.raises(DatasetError, match=r"0\.9900, and its answers give"):
        report(tmp_path / "edited.json")
    del content["result"]["labels"]
    (tmp_path / "old.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="damaged, or of another version"):
        report(tmp_path / "old.json")
    with pytest.raises(ConfigError, match=r"\.html, \.md or \.tex"):
        report(measured, tmp_path / "r.docx")


def test_only_what_was_measured_is_reported(measured: Path, tmp_path: Path) -> None:
    found = report(measured / "network" / "history.jsonl", tmp_path / "r.html")
    assert (found.groups, found.answer) == ((), "")
    assert "<h2>Training of network</h2>" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_repeated_folds_and_segments(
    make_run: MakeRun, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(18, 3)
    split = make_split(data, "repeated-kfold", n_folds=3, n_repeats=2)
    for seed in range(2):
        run = make_run(0.6, seed, name=f"m{seed}", dataset=data, split=split)
        write_run(run, tmp_path / f"{seed}.json")
    found = report(tmp_path, tmp_path / "r.html")
    assert found.groups[0].protocol == "repeated-kfold"
    assert "Counted segment by segment" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "bootstrap over recordings" in found.answer


def test_every_figure_and_table_of_a_leaky_number_says_so(
    make_run: MakeRun, make_data: MakeData, tmp_path: Path
) -> None:
    pytest.importorskip("plotly")
    data = make_data(40, 3)
    split = make_split(data, "segments-leaky", n_folds=5)
    files = [
        write_run(
            make_run(share, seed, name=f"m{seed}", dataset=data, split=split),
            tmp_path / f"{seed}.json",
        )
        for seed, share in enumerate((0.5, 0.9, 0.7))
    ]
    found = report(files, [tmp_path / "r.md", tmp_path / "r.html"], figures="svg")
    figures = sorted((tmp_path / "r-figures").iterdir())
    assert len(figures) > 5
    for figure in figures:
        assert "leaky" in figure.name
        assert "LEAKY" in figure.read_text(encoding="utf-8")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert titles
    assert all("LEAKY" in title for title in titles)
    # A chart that is saved from the page alone, without its caption.
    charts = re.findall(r'<script type="application/json" id="[^"]*-data">(.*?)</script>', page)
    assert all("LEAKY" in json.loads(one)["layout"]["title"]["text"] for one in charts)
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    tables = [block for block in text.split("\n\n") if block.startswith("| model")]
    assert tables
    assert found.groups[0].leaky


def test_honest_figures_do_not_say_leaky(measured: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    files = [measured / f"m{number}.json" for number in range(3)]
    report(files, tmp_path / "r.md")
    assert not [one.name for one in (tmp_path / "r-figures").iterdir() if "leaky" in one.name]
