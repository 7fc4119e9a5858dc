"""Parameters: defaults, texts of the command line, and names that do not exist."""

import pytest

from netemu.errors import BadInput
from netemu.experiment.parameters import Parameter, resolve
from netemu.units import parse_size_bytes

DECLARED = {
    "size": Parameter(1000, "bytes", parse_size_bytes),
    "count": Parameter(3, "how many"),
    "congestion": Parameter("cubic", "which"),
    "nodelay": Parameter(False, "whether"),
}


def test_defaults_hold_where_nothing_is_given() -> None:
    values = resolve(DECLARED, {})
    assert (values.size, values.count, values.congestion, values.nodelay) == (1000, 3, "cubic", False)


def test_texts_are_read_by_the_parser_or_by_the_type_of_the_default() -> None:
    values = resolve(DECLARED, {"size": "64KiB", "count": "7", "nodelay": "true"})
    assert (values.size, values.count, values.nodelay) == (65536, 7, True)


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(BadInput, match=r"parameter 'sise' is not declared by the experiment; did you mean 'size'\?"):
        resolve(DECLARED, {"sise": "1"})


@pytest.mark.parametrize(("name", "text"), [("count", "many"), ("nodelay", "perhaps"), ("size", "-1")])
def test_a_wrong_text_names_the_parameter_and_the_value(name: str, text: str) -> None:
    with pytest.raises(BadInput, match=f"parameter '{name}'.*{text}"):
        resolve(DECLARED, {name: text})


def test_a_value_that_does_not_fit_is_told_in_words() -> None:
    with pytest.raises(BadInput, match="parameter 'n': 'abc' is not a whole number, as its default 3 is"):
        resolve({"n": Parameter(3, "count")}, {"n": "abc"})
