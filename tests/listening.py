"""Where processes listen."""

from ipaddress import IPv6Address, ip_address

import psutil


def listened_on(pid: int) -> list[tuple[str, str]]:
    """The addresses beyond loopback on which a process and its children listen for TCP, each with its command."""
    root = psutil.Process(pid)
    return [
        (socket.laddr.ip, " ".join(process.cmdline()))
        for process in [root, *root.children(recursive=True)]
        for socket in process.net_connections("tcp")
        if socket.status == psutil.CONN_LISTEN and not _is_loopback(socket.laddr.ip)
    ]


def _is_loopback(ip: str) -> bool:
    address = ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
