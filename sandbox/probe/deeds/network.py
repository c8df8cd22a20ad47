"""Sockets of every family, names, and everything else that carries bytes out of a process."""

from __future__ import annotations

import os
import socket
from typing import Final

from sandbox.probe.deed import CHANNEL, Group, raw

NETWORK: Final = Group("network")
_LAST_FAMILY: Final = 46
_SOCKET_CALLS: Final = {"x86_64": 41, "aarch64": 198}
_TYPES: Final = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)


def _make(family: int, kind: int, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


@NETWORK.deed("make a TCP socket", required=True)
def _make_tcp_socket() -> None:
    _make(socket.AF_INET, socket.SOCK_STREAM)


@NETWORK.deed("make a UDP socket (Landlock lets it)", required=True)
def _make_udp_socket() -> None:
    _make(socket.AF_INET, socket.SOCK_DGRAM)


@NETWORK.deed("make an IPv6 socket")
def _make_ipv6_socket() -> None:
    _make(socket.AF_INET6, socket.SOCK_STREAM)


@NETWORK.deed("make a raw socket")
def _make_raw_socket() -> None:
    _make(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@NETWORK.deed("make a Unix socket", required=True)
def _make_unix_socket() -> None:
    _make(socket.AF_UNIX, socket.SOCK_STREAM)


@NETWORK.deed("make a netlink socket")
def _make_netlink_socket() -> None:
    _make(socket.AF_NETLINK, socket.SOCK_RAW)


@NETWORK.deed("make a packet socket")
def _make_packet_socket() -> None:
    _make(socket.AF_PACKET, socket.SOCK_RAW)


@NETWORK.deed("make a socket to the hypervisor")
def _make_vsock_socket() -> None:
    _make(socket.AF_VSOCK, socket.SOCK_STREAM)


@NETWORK.deed("make a socket to the kernel's cryptography")
def _make_alg_socket() -> None:
    _make(socket.AF_ALG, socket.SOCK_SEQPACKET)


# In a plain child this would have the kernel load modules for families that nobody uses.
@NETWORK.deed("make a socket of any family", twin=_make_unix_socket)
def _make_any_socket() -> None:
    refused: OSError | None = None
    for family in range(_LAST_FAMILY):
        for kind in _TYPES:
            try:
                _make(family, kind)
            except OSError as error:
                refused = error
                continue
            return
    if refused is not None:
        raise refused


@NETWORK.deed("make a pair of sockets", required=True)
def _make_socketpair() -> None:
    for end in socket.socketpair():
        end.close()


@NETWORK.deed("make a pipe", required=True)
def _make_pipe() -> None:
    for end in os.pipe():
        os.close(end)


@NETWORK.deed("look up a name", required=True)
def _resolve_a_name() -> None:
    socket.getaddrinfo("localhost", 80)


@NETWORK.deed("take a descriptor from its channel", required=True, roles=("worker",))
def _receive_a_descriptor() -> None:
    raw(_recvmsg, CHANNEL, None, 0)


_recvmsg: Final = 47 if os.uname().machine == "x86_64" else 212
NETWORK.call("send_a_descriptor", "send a descriptor over its channel", (46, 211), CHANNEL, None, 0, required=True)
NETWORK.call("send_elsewhere", "send from its channel to an address", (44, 206), CHANNEL, b"", 0, 0, None, 0)
NETWORK.call("name_of_its_peer", "ask who is at the other end", (52, 205), CHANNEL, None, None)
NETWORK.call("option_of_a_socket", "set an option of its channel", (54, 208), CHANNEL, 1, 0, None, 0)
NETWORK.call("close_its_channel", "close its channel and free the number", (3, 57), CHANNEL)
