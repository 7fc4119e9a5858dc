"""What compiled code and Python must agree on: names, order and types of the shared memory."""

import numpy as np
import pytest

from netemu.recording.tables import CONNECTION_SIDE
from netemu.trace import layout as m
from netemu.trace.tables import PACKETS_SCHEMA

RECORDS = [
    m.CONNECTION, m.FLOW, m.SEGMENT, m.EVENT, m.RTT_SAMPLE, m.SACK_BLOCK, m.ICMP_ERROR, m.SCAN, m.INTERFACE,
    m.FRAGMENT, m.STATE,
]  # fmt: skip


UNNAMED = ((m.FRAGMENT, m.FRAGMENT_COVER_WORDS), (m.CONNECTION, 3), (m.FLOW, 1))
"""Words that fill lines of memory up, or are a map of bits."""


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_is_packed_words_with_names_of_their_own(record: np.dtype) -> None:  # type: ignore[type-arg]
    names = record.names or ()
    assert len(set(names)) == len(names) > 0
    assert {record[name] for name in names} == {np.dtype(np.int64)}
    unnamed = next((words for kind, words in UNNAMED if kind is record), 0)
    assert record.itemsize == 8 * (len(names) + unnamed)


def test_a_batch_has_its_fields_by_column_and_no_two_at_one_place() -> None:
    memory = np.zeros(m.PACKET.words, np.int64)
    for place, name in enumerate(m.PACKET.names):
        column = m.PACKET.column(memory, name)
        assert column.size == m.BATCH
        column += place + 1
    assert len(set(m.PACKET.names)) == len(m.PACKET.names)
    assert np.count_nonzero(memory) == m.BATCH * len(m.PACKET.names)
    assert memory.max() == len(m.PACKET.names)
    new = m.PACKET_ZERO_WORDS // m.PACKET.column_words
    assert m.PACKET.names[new - 1 : new + 1] == ("ca_state", "ip_id")
    assert m.PACKET.names[new + m.PACKET_UNKNOWN_WORDS // m.PACKET.column_words] == "t_ns"


def test_words_refuses_a_name_given_twice() -> None:
    with pytest.raises(ValueError, match="already used as a name"):
        m.words("start end start")


def test_columns_are_fields_of_the_packet_table() -> None:
    names = [name for name, _, _ in m.FIELDS]
    assert list(m.Columns._fields) == names
    assert set(names) - {"flow"} <= PACKETS_SCHEMA.keys()


def test_new_columns_are_separate_arrays_of_their_types() -> None:
    columns = m.new_columns(5)
    assert [(column.size, column.dtype) for column in columns] == [(5, np.dtype(kind)) for _, kind, _ in m.FIELDS]
    assert len({column.ctypes.data for column in columns}) == len(columns)
    assert all(column.size == 0 for column in m.new_columns(0))
    for column, (_, kind, _) in zip(columns, m.FIELDS, strict=True):
        column[:] = np.iinfo(kind).max
    assert all((column == np.iinfo(kind).max).all() for column, (_, kind, _) in zip(columns, m.FIELDS, strict=True))


def test_the_table_of_columns_tells_where_each_lies_and_what_it_holds() -> None:
    columns = m.new_columns(5)
    table = m.column_table(columns)
    assert table["address"].tolist() == [column.ctypes.data for column in columns]
    assert [m.PACKET.names[word] for word in table["word"]] == [word for _, _, word in m.FIELDS]
    assert table["bytes"].tolist() == [column.itemsize for column in columns]


def test_a_connection_and_its_flows_fill_whole_lines_of_memory() -> None:
    assert m.CONNECTION.itemsize % 64 == m.FLOW.itemsize % 64 == 0


def test_what_nearly_every_packet_needs_of_a_flow_lies_first() -> None:
    names = m.FLOW.names or ()
    assert {"nxt", "una", "packets", "ring_head"} <= set(names[: m.OFTEN_WORDS])
    assert names.index("sack_3_end") >= m.OFTEN_WORDS


def test_counters_are_kept_per_flow_and_given_per_side() -> None:
    assert set(m.COUNTERS) <= set(m.FLOW.names or ())
    assert set(m.COUNTERS) - set(CONNECTION_SIDE) == set()


def test_rings_are_powers_of_two() -> None:
    assert m.MAX_RING & (m.MAX_RING - 1) == 0
