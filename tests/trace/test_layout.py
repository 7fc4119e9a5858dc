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


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_is_of_whole_numbers_at_multiples_of_their_size_in_places_of_their_own(
    record: np.dtype,  # type: ignore[type-arg]
) -> None:
    names = record.names or ()
    assert len(set(names)) == len(names) > 0
    taken: set[int] = set()
    for name in names:
        kind, offset = (record.fields or {})[name][:2]
        assert kind.kind in "iu" and offset % kind.itemsize == 0
        place = set(range(offset, offset + kind.itemsize))
        assert not place & taken and max(place) < record.itemsize
        taken |= place
    assert record.itemsize % 8 == 0


def test_what_most_packets_need_lies_in_whole_lines_of_memory() -> None:
    for record in (m.CONNECTION, m.FLOW, m.SEGMENT):
        assert record.itemsize % m.LINE_BYTES == 0
    offsets = {name: (m.FLOW.fields or {})[name][1] for name in m.FLOW.names or ()}
    assert offsets["cwr_high"] == m.LINE_BYTES
    assert offsets["ring_base"] == m.BOTH_LINES * m.LINE_BYTES
    assert offsets["rack_end"] == m.DATA_LINES * m.LINE_BYTES
    assert offsets["zero_windows"] == m.ACK_LINES * m.LINE_BYTES


def test_fields_take_the_bytes_they_are_given() -> None:
    record = m.words("a b:i4 c:u2 d:i1", unnamed=2)
    assert [str(record[name]) for name in "abcd"] == ["int64", "int32", "uint16", "int8"]
    assert record.itemsize == 16 + 16
    lines = m.in_lines("a b:u4", "c d")
    assert [(lines.fields or {})[name][1] for name in "abcd"] == [0, 8, 64, 72]
    assert lines.itemsize == 128
    with pytest.raises(ValueError, match="b: is not at a multiple of its size"):
        m.words("a:i1 b:i4")
    with pytest.raises(ValueError, match="longer than a line of memory"):
        m.in_lines("a b c d e f g h i", "j")


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


def test_counters_are_kept_per_flow_and_given_per_side() -> None:
    assert set(m.COUNTERS) <= set(m.FLOW.names or ())
    assert set(m.COUNTERS) - set(CONNECTION_SIDE) == set()


def test_rings_are_powers_of_two() -> None:
    assert m.MAX_RING & (m.MAX_RING - 1) == 0
