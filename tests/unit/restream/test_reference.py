"""References between processes: which address they give, in which order they start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InvalidError
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.restream.reference import (
    MAX_DEPTH,
    Reference,
    in_start_order,
    parse,
    resolve,
    targets,
)


def make(process_id: str, *reads: str) -> ProcessConfig:
    """One process that reads the outputs of others."""
    inputs = [ConfigIO(f"in{place}", f"#{read}:output=out") for place, read in enumerate(reads)]
    return ProcessConfig(
        ProcessId(process_id),
        tuple(inputs) or (ConfigIO("in", "rtsp://host/x"),),
        (ConfigIO("out", f"udp://127.0.0.1/{process_id}"),),
    )


def resolve_in(config: ProcessConfig, *others: ProcessConfig) -> ProcessConfig:
    return resolve(config, {other.id: other for other in others}.get)


def test_an_address_is_a_reference_by_its_first_character() -> None:
    assert parse("rtsp://host/#x:output=y") is None
    assert parse("#a:b:output=c") == Reference(ProcessId("a:b"), "c")
    for wrong in ("#", "#a", "#a:output=", "#:output=b", "#a:input=b"):
        with pytest.raises(InvalidError, match="invalid format"):
            parse(wrong)


def test_the_address_of_the_output_takes_its_place() -> None:
    resolved = resolve_in(make("a", "b", "c"), make("b"), make("c"))
    assert [io.address for io in resolved.input] == ["udp://127.0.0.1/b", "udp://127.0.0.1/c"]
    assert [io.id for io in resolved.input] == ["in0", "in1"]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (make("a", "x"), "reference error for '#a:in0': unknown process 'x' (#x:output=out)"),
        (make("a", "a"), "reference error for '#a:in0': self-reference not possible"),
        (
            ProcessConfig(ProcessId("a"), (ConfigIO("in", "#b:output=no"),), ()),
            "reference error for '#a:in': unknown output 'no'",
        ),
        (
            ProcessConfig(ProcessId("a"), (ConfigIO("in", "#b"),), ()),
            "reference error for '#a:in': invalid format",
        ),
    ],
)
def test_what_can_not_be_resolved_is_named(config: ProcessConfig, reason: str) -> None:
    with pytest.raises(InvalidError) as caught:
        resolve_in(config, make("b"))
    assert caught.value.details[0].startswith(reason)


def test_circles_are_refused_also_when_the_stored_config_has_none_yet() -> None:
    with pytest.raises(InvalidError, match="go round"):
        resolve_in(make("a", "b"), make("a"), make("b", "c"), make("c", "a"))


def test_chains_are_bounded() -> None:
    chain = [make(str(n), str(n + 1)) for n in range(MAX_DEPTH + 1)]
    end = make(str(MAX_DEPTH + 1))
    assert resolve_in(chain[1], *chain, end)
    with pytest.raises(InvalidError, match="deeper than"):
        resolve_in(chain[0], *chain, end)


def test_sources_start_before_their_readers() -> None:
    order = in_start_order([make("a", "b"), make("b", "d", "c"), make("c"), make("d")])
    assert [config.id for config in order] == ["d", "c", "b", "a"]


GRAPHS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghx"), max_size=3)
)


@given(GRAPHS)
def test_any_graph_is_sorted_completely_and_checked(graph: dict[str, list[str]]) -> None:
    configs = [make(name, *reads) for name, reads in graph.items()]
    order = in_start_order(configs)
    assert sorted(config.id for config in order) == sorted(graph)
    place = {config.id: number for number, config in enumerate(order)}
    for config in configs:
        try:
            resolve_in(config, *configs)
        except InvalidError:
            continue
        assert all(place[target] < place[config.id] for target in targets(config))
