"""delivery: what a fan-out would put on the wire, without a socket; C's part and Python's."""

from daemon.rtc import native
from daemon.rtc.demux import Address
from daemon.rtc.fanout import Delivery


def datagrams(delivery: Delivery | None) -> list[tuple[Address, bytes]]:
    """Carry a delivery out; give each datagram and where it goes to."""
    if delivery is None:
        return []
    found = _native(delivery.work) if delivery.work is not None else []
    for address, buffers, segment in delivery.transmissions:
        whole = b"".join(buffers)
        found += [(address, whole[at : at + segment]) for at in range(0, len(whole), segment)]
    return found


def _native(work: native.Work) -> list[tuple[Address, bytes]]:
    spool = native.Spool()
    found: list[tuple[Address, bytes]] = []
    while not work.is_finished:
        work.protect(spool)
        while work.sent < work.made:
            piece = spool.pieces[work.sent]
            whole = bytes(native.ffi.buffer(spool.out + piece.offset, piece.size))
            lane = next(one for one in work._lanes if one.c == piece.lane)
            assert lane.address is not None
            found += [
                (lane.address, whole[at : at + piece.segment])
                for at in range(0, len(whole), piece.segment)
            ]
            lane.c.packets += piece.packets
            lane.c.octets += piece.octets
            work.skip_piece()
    return found
