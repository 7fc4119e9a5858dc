from __future__ import annotations

from netemu.report.html import STYLE, details, element, escape, table


def test_markup_in_text_is_harmless() -> None:
    assert escape("<b> & \"c\" 'd'") == "&lt;b&gt; &amp; &quot;c&quot; &#x27;d&#x27;"
    assert element("p", "x", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">x</p>'
    assert "<script>" not in table(["<script>"], []) + details("<script>", "")


def test_class_is_written_without_its_underscore() -> None:
    assert element("td", "1", class_="number") == '<td class="number">1</td>'


def test_a_table_has_its_rows() -> None:
    text = table(["a", "b"], [["<td>1</td>", "<td>2</td>"]])
    assert text.count("<th ") == 2 and "<tr><td>1</td><td>2</td></tr>" in text


def test_the_style_loads_nothing_and_knows_paper() -> None:
    assert "url(" not in STYLE and "@import" not in STYLE and "@media print" in STYLE
