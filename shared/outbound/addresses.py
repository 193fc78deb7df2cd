"""Which addresses are public: those that IANA's registries of special addresses call globally reachable.

https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, as of 2025. The table is
ours because `ipaddress.is_global` differs between versions of Python and takes deprecated ranges for public.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
NOT_PUBLIC: dict[str, str] = {
    "0.0.0.0/8": "this network (RFC 791)",
    "10.0.0.0/8": "private use (RFC 1918)",
    "100.64.0.0/10": "shared address space (RFC 6598)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "169.254.0.0/16": "link-local, also metadata of clouds (RFC 3927)",
    "172.16.0.0/12": "private use (RFC 1918)",
    "192.0.0.0/24": "IETF protocol assignments (RFC 6890)",
    "192.0.2.0/24": "documentation (RFC 5737)",
    "192.88.99.0/24": "deprecated relays of 6to4 (RFC 7526)",
    "192.168.0.0/16": "private use (RFC 1918)",
    "198.18.0.0/15": "benchmarking (RFC 2544)",
    "198.51.100.0/24": "documentation (RFC 5737)",
    "203.0.113.0/24": "documentation (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved, and limited broadcast (RFC 1112, RFC 8190)",
    # Global unicast of IPv6 is 2000::/3 (RFC 4291); these three are all the rest: unspecified, loopback, mapped and
    # translated IPv4, discard, segment routing, unique local, link-local, site-local, multicast.
    "::/3": "not global unicast",
    "4000::/2": "not global unicast",
    "8000::/1": "not global unicast",
    "2001::/23": "IETF protocol assignments, Teredo, benchmarking, ORCHID (RFC 2928)",
    "2001:db8::/32": "documentation (RFC 3849)",
    "2002::/16": "6to4 (RFC 3056)",
    "3fff::/20": "documentation (RFC 9637)",
}
"""Networks that are not public, and why."""
_NETWORKS: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in NOT_PUBLIC)


def is_public(address: Address) -> bool:
    """Return whether the public internet routes an address.

    An address of NAT64's well-known prefix (RFC 6052), which a name service makes for networks without IPv4, counts as
    the IPv4 address in it.
    """
    if address in _NAT64:
        address = embedded(address)
    return not any(address in network for network in _NETWORKS)


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address embeds (mapped, 6to4, Teredo, NAT64), or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    teredo = address.teredo
    inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address
