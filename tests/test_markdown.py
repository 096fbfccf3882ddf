"""Text, lists and tables as Markdown: what a name holds is never markup."""

from __future__ import annotations

from genrekit.markdown import as_line, blocks, bullets, fenced, markdown_table, plain, section


def test_what_is_empty_is_left_out() -> None:
    assert blocks("# a", "", "b") == "# a\n\nb\n"
    assert section("a", "", "b") == "## a\n\nb"
    assert section("a", "", "") == ""
    assert bullets(["a", "", "b"]) == "- a\n- b"


def test_a_name_stays_text() -> None:
    assert plain("a*b* <img src=x> | `c`\n# d") == r"a\*b\* \<img src=x\> \| \`c\` # d"
    assert plain("drum_and_bass [live]") == "drum_and_bass [live]"
    assert plain("[a](b) _c_") == r"[a\](b) \_c\_"
    assert markdown_table(["*"], [["a|b"]]) == "| \\* |\n| --- |\n| a\\|b |"


def test_a_name_begins_neither_a_heading_nor_a_list() -> None:
    assert bullets(["# a", "- b", "12. c", "-d"]) == "- \\# a\n- \\- b\n- 12\\. c\n- -d"
    assert as_line("+ a") == "\\+ a"


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    assert fenced("```\n").splitlines() == ["````text", "```", "````"]
