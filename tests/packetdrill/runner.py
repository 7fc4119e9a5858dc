"""Running a script: its events in order against one host, each at its time."""

from __future__ import annotations

import errno
from pathlib import Path

from netemu.packet.ip import Icmp, Packet, Tcp
from netemu.packet.tcp import ACK, SYN
from tests.packetdrill import wire
from tests.packetdrill.arguments import named
from tests.packetdrill.calls import Calls, Started
from tests.packetdrill.flow import ACKNOWLEDGED, ANSWERED, ARRIVED, CONNECTING, LISTENING, SYN_ACKED, SYN_SENT, Flow
from tests.packetdrill.hosts import EPHEMERAL_PORT, info_of, machine_for
from tests.packetdrill.options import timestamps
from tests.packetdrill.parser import options_of, parse
from tests.packetdrill.scope import out_of_scope
from tests.packetdrill.settings import Settings, settings
from tests.packetdrill.shell import CommandFailed, run_shell
from tests.packetdrill.snippet import Snippets
from tests.packetdrill.symbols import number, symbol
from tests.packetdrill.syntax import Call, Code, Event, IcmpPacket, Script, Shell, TcpPacket, Text, Word
from tests.packetdrill.verdict import Mismatch, NotApplicable, ScriptError

_SECOND = 1_000_000_000
_LATE_NS = 2 * _SECOND
"""How long after its time a packet is waited for."""

_LACKING = (errno.ENOPROTOOPT, errno.ENOENT)
"""What a model answers when asked for an option or a congestion control that it has not."""

_FOREVER_NS = 10_000 * _SECOND


def run_file(path: Path, base: Settings, profile: str) -> None:
    """Run the script ``path``.

    :raises Mismatch: the host does something else than the script says.
    :raises NotApplicable: the script asks for what a model leaves out.
    :raises ScriptError: it is no script.
    """
    text = path.read_text()
    chosen = settings(options_of(text), base)
    Run(parse(text, chosen.defines), chosen, profile, path.parent).run()


class Run:
    """One run of one script."""

    def __init__(self, script: Script, chosen: Settings, profile: str, directory: Path) -> None:
        self.script, self.settings, self.directory = script, chosen, directory
        self.machine = machine_for(profile, chosen)
        self.start_ns = self.machine.now_ns
        self.calls = Calls(self.machine, chosen)
        self.snippets = Snippets()
        self.last: Event | None = None
        self.last_ns = 0
        self._pending: tuple[Started, int, int] | None = None
        self._ports = EPHEMERAL_PORT

    def run(self) -> None:
        """See :func:`run_file`."""
        reason = out_of_scope(self.script)
        if reason is not None:
            raise NotApplicable(reason)
        if self.script.init is not None:
            self._shell(self.script.init, 1)
            self.start_ns = self.machine.now_ns
        for event in self.script.events:
            at_ns, end_ns = self._times(event)
            self._do(event, at_ns, end_ns)
            self.last, self.last_ns = event, at_ns
        self._await_pending()
        if self._pending is not None:
            raise Mismatch(self._pending[0].line, "the call to return", "nothing")

    # ---- time

    @property
    def now_ns(self) -> int:
        """Of the script."""
        return self.machine.now_ns - self.start_ns

    def _times(self, event: Event) -> tuple[int, int | None]:
        """When the event is, or its range; packets that arrive one after the other are counted from each other."""
        when = event.when
        if not when.relative and not when.any_time:
            return when.ns, when.end_ns
        anchored = self.last is not None and _arrives(self.last) and _arrives(event)
        offset = self.last_ns if anchored else self.now_ns
        return when.ns + offset, None if when.end_ns is None else when.end_ns + offset

    def _tolerance_ns(self, at_ns: int, since_ns: int | None) -> int:
        share = 0 if since_ns is None else int((at_ns - since_ns) * self.settings.tolerance_percent / 100)
        return max(self.settings.tolerance_ns, share)

    def _check_time(self, event: Event, at_ns: int, end_ns: int | None, real_ns: int) -> None:
        if event.when.any_time:
            return
        tolerance = self._tolerance_ns(at_ns, self.last_ns)
        last = at_ns if end_ns is None else end_ns
        if not at_ns - tolerance <= real_ns <= last + tolerance:
            asked = _seconds(at_ns) if end_ns is None else f"{_seconds(at_ns)}~{_seconds(end_ns)}"
            raise Mismatch(event.line, f"this at {asked}", f"it at {_seconds(real_ns)}")

    def _wait_for(self, event: Event, at_ns: int) -> None:
        """Let time pass until the event's."""
        self.machine.run(self.start_ns + at_ns)
        self._check_time(event, at_ns, None, self.now_ns)
        self._reap()

    # ---- events

    def _do(self, event: Event, at_ns: int, end_ns: int | None) -> None:
        action = event.action
        if isinstance(action, TcpPacket | IcmpPacket) and not action.inbound:
            self._expect(event, action, at_ns, end_ns)
            return
        if isinstance(action, Call) and action.end_ns is None:
            self._await_pending()
        self._wait_for(event, at_ns)
        if isinstance(action, TcpPacket):
            self._inject(event, action)
        elif isinstance(action, IcmpPacket):
            flow = self._flow(event)
            self.machine.inject(wire.arriving_icmp(action, flow, self.settings, event.line))
        elif isinstance(action, Call):
            self._call(event, action, at_ns)
        elif isinstance(action, Shell):
            self._shell(action.text, event.line)
        elif isinstance(action, Code):
            flow = self._flow(event)
            info = info_of(self.machine, flow.live_fd)
            if not info:
                raise ScriptError(event.line, "code about a socket that is closed, or not accepted yet")
            self.snippets.run(action.text, event.line, info)
        self._reap()

    def _shell(self, text: str, line: int) -> None:
        try:
            run_shell(text, self.machine, self.directory)
        except CommandFailed as error:
            raise Mismatch(line, f"`{error}` to find something", "nothing") from error

    def _flow(self, event: Event) -> Flow:
        if self.calls.under_test is None:
            raise ScriptError(event.line, "there is no socket that this could be of")
        return self.calls.under_test

    # ---- system calls

    def _call(self, event: Event, call: Call, at_ns: int) -> None:
        if call.end_ns is not None:
            self._await_pending()
            if self._pending is not None:
                raise ScriptError(event.line, "a call that blocks, while another one still does")
        started = self.calls.start(call, event.line)
        if call.end_ns is not None:
            offset = at_ns - event.when.ns if event.when.relative else 0
            self._pending = (started, at_ns, call.end_ns + offset)
            return
        if not self.machine.run(self.machine.now_ns + _FOREVER_NS, lambda: started.over):
            raise Mismatch(event.line, f"{call.name}() to return", "a call that sleeps for ever")
        self._check_result(started)

    def _await_pending(self) -> None:
        """Wait up to a second for the call that blocks."""
        if self._pending is not None:
            started = self._pending[0]
            self.machine.run(self.machine.now_ns + _SECOND, lambda: started.over)
            self._reap()

    def _reap(self) -> None:
        """If the call that blocks is over: check what it returned, and when."""
        if self._pending is None or not self._pending[0].over:
            return
        (started, began_ns, end_ns), self._pending = self._pending, None
        self._check_result(started)
        real_ns = (started.entered.end_ns if started.entered is not None else self.machine.now_ns) - self.start_ns
        if abs(real_ns - end_ns) > self._tolerance_ns(end_ns, began_ns):
            raise Mismatch(started.line, f"{started.call.name}() to return at {_seconds(end_ns)}", _seconds(real_ns))

    def _check_result(self, started: Started) -> None:
        call = started.call
        result, code = started.outcome()
        wanted = number(call.result)
        if code in _LACKING and wanted >= 0 and call.name in ("setsockopt", "getsockopt"):
            raise NotApplicable(f"the option {_name_of(call)}")
        told = f"{result} {named(code)}" if code else str(result)
        asked = f"{call.name}() = {wanted} {call.error}".rstrip()
        makes = call.name in ("socket", "accept", "accept4", "epoll_create", "epoll_create1")
        if (makes and wanted >= 0 and code) or (not (makes and wanted >= 0) and result != wanted):
            raise Mismatch(started.line, asked, told)
        if call.error and code != symbol(call.error):
            raise Mismatch(started.line, asked, told)
        if not code:
            wrong = started.check(started.returned())
            started.finish(started.returned())
            if wrong is not None:
                raise Mismatch(started.line, asked, wrong)

    # ---- packets that arrive

    def _inject(self, event: Event, spec: TcpPacket) -> None:
        flow = self.calls.under_test
        if flow is None or flow.state == LISTENING:
            flow = self._new_peer(spec)
        elif flow.state == ANSWERED and "." in spec.flags:
            flow.state = ACKNOWLEDGED
        elif flow.state == SYN_SENT and {"S", "."} <= set(spec.flags):
            flow.state = SYN_ACKED
            flow.remote_isn = spec.seq
        self.machine.inject(wire.arriving(spec, flow, self.settings, event.line))

    def _new_peer(self, spec: TcpPacket) -> Flow:
        self._ports += 1
        flow = Flow(ARRIVED, local_port=self.settings.bind_port, remote_port=self._ports, remote_isn=spec.seq)
        self.calls.flows.append(flow)
        self.calls.under_test = flow
        return flow

    # ---- packets that leave

    def _expect(self, event: Event, spec: TcpPacket | IcmpPacket, at_ns: int, end_ns: int | None) -> None:
        flow = self._flow(event)
        if isinstance(spec, TcpPacket):
            if set(spec.flags) & {"S", "."} == {"S"} and flow.state == CONNECTING:
                flow.state, flow.script_local_isn = SYN_SENT, spec.seq
            elif flow.state == ARRIVED and {"S", "."} <= set(spec.flags):
                flow.script_local_isn = spec.seq
        sent_ns, packet = self._gather(event, spec, flow, at_ns if end_ns is None else end_ns)
        if isinstance(spec, IcmpPacket):
            self._check_icmp(event, spec, packet)
        else:
            self._check_tcp(event, spec, packet, at_ns)
        self._check_time(event, at_ns, end_ns, sent_ns)

    def _check_icmp(self, event: Event, spec: IcmpPacket, packet: Packet) -> None:
        wanted = wire.icmp_numbers(spec, self.settings.ipv6, event.line)
        body = packet.body
        if not isinstance(body, Icmp) or (body.type, body.code) != wanted:
            raise Mismatch(event.line, wire.written_spec(spec), wire.written(packet))

    def _check_tcp(self, event: Event, spec: TcpPacket, packet: Packet, at_ns: int) -> None:
        flow = self._flow(event)
        body = packet.body
        stamps = timestamps(spec.options or ())
        if isinstance(body, Tcp) and stamps is not None and body.options.ts_val is not None:
            flow.note_ts(stamps[0], body.options.ts_val)
        seen = wire.in_script(packet, flow)
        wrong = wire.difference(spec, seen) or self._clock_differs(stamps, seen, at_ns)
        if wrong is not None:
            raise Mismatch(event.line, wire.written_spec(spec), f"{wire.written(seen)} ({wrong})")

    def _clock_differs(self, stamps: tuple[int, int] | None, seen: Packet, at_ns: int) -> str | None:
        """Where ``--tcp_ts_tick_usecs`` asks for it: whether TS val is not what the time of the script makes it."""
        tick_ns, body = self.settings.ts_tick_ns, seen.body
        if not tick_ns or stamps is None or not isinstance(body, Tcp) or body.options.ts_val is None:
            return None
        off = (body.options.ts_val - stamps[0] + (1 << 31)) % (1 << 32) - (1 << 31)
        return "TS val" if abs(off) * tick_ns > self._tolerance_ns(at_ns, 0) else None

    def _gather(self, event: Event, spec: TcpPacket | IcmpPacket, flow: Flow, latest_ns: int) -> tuple[int, Packet]:
        """The next packet of the flow, or as many as carry the payload asked for; when the last one left."""
        wanted = spec.length if isinstance(spec, TcpPacket) else 0
        found: list[Packet] = []
        size = 0
        while True:
            sent_ns, packet = self._next(event, spec, flow, latest_ns, found)
            if found:
                why = wire.follows(packet, found[-1], wanted - size)
                if why is not None:
                    told = f"{wire.written(wire.in_script(packet, flow))} after {size} bytes ({why})"
                    raise Mismatch(event.line, wire.written_spec(spec), told)
            found.append(packet)
            size += wire.payload_bytes(packet)
            if size >= wanted or self.settings.strict_segments:
                return sent_ns, wire.joined(found)

    def _next(
        self, event: Event, spec: TcpPacket | IcmpPacket, flow: Flow, latest_ns: int, found: list[Packet]
    ) -> tuple[int, Packet]:
        machine = self.machine
        until_ns = _FOREVER_NS + machine.now_ns if event.when.any_time else self.start_ns + latest_ns + _LATE_NS
        while True:
            if not machine.run(until_ns, lambda: bool(machine.sent)):
                got = f"nothing more after {wire.written(wire.in_script(found[-1], flow))}" if found else "nothing"
                raise Mismatch(event.line, wire.written_spec(spec), got)
            sent_ns, packet = machine.sent.popleft()
            self._reap()
            if self._is_of(packet, flow):
                return sent_ns - self.start_ns, packet

    def _is_of(self, packet: Packet, flow: Flow) -> bool:
        """Whether the packet is of the connection under test; a SYN that it waits for makes it so."""
        body = packet.body
        if packet.destination != self.settings.remote_address:
            return False
        if not isinstance(body, Tcp):
            return isinstance(body, Icmp)
        if flow.state == SYN_SENT and body.flags & (SYN | ACK) == SYN and body.destination_port == flow.remote_port:
            flow.local_port, flow.live_local_isn = body.source_port, body.seq
        if (body.source_port, body.destination_port) != (flow.local_port, flow.remote_port):
            return False
        if flow.state == ARRIVED and body.flags & (SYN | ACK) == SYN | ACK:
            flow.state, flow.live_local_isn = ANSWERED, body.seq
        return True


def _name_of(call: Call) -> str:
    """An option as the script calls it, with the congestion control where it asks for one."""
    option, value = call.args[2], call.args[3]
    name = option.name if isinstance(option, Word) else str(option)
    return f"{name} {value.value}" if isinstance(value, Text) else name


def _arrives(event: Event) -> bool:
    return isinstance(event.action, TcpPacket | IcmpPacket) and event.action.inbound


def _seconds(ns: int) -> str:
    return f"{ns / _SECOND:.6f}"
