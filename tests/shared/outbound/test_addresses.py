"""Every address that IANA does not call globally reachable is refused, in each form that IPv6 has for it."""

import ipaddress

import pytest

from shared.outbound.addresses import NOT_PUBLIC, embedded, is_public

REGISTRY = [
    "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.0.192/32",
    "192.0.2.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4", "239.255.255.250/32",
    "::1/128", "::/128", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32",
    "2001:2::/48", "2001:10::/28", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8", "::/96",
]  # fmt: skip
"""Networks of both registries that are not globally reachable, with multicast and the deprecated ones."""
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "192.0.1.1",
    "192.88.98.255",
    "2606:2800:220:1::1",
    "2a00:1450:4001::1",
    "2620:4f::1",
]


def forms(inner: ipaddress.IPv4Address) -> dict[str, str]:
    """The IPv6 addresses that lead to an IPv4 address, or once did."""
    number = int(inner)
    high, low = number >> 16, number & 0xFFFF
    return {
        "mapped": f"::ffff:{inner}",
        "compatible": f"::{inner}",
        "6to4": f"2002:{high:x}:{low:x}::1",
        "Teredo": f"2001:0:5db8:d822::{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}",
        "NAT64": f"64:ff9b::{high:x}:{low:x}",
        "NAT64 of a network": f"64:ff9b:1::{high:x}:{low:x}",
    }


@pytest.mark.parametrize("network", REGISTRY)
def test_no_special_network_is_public_at_its_ends_and_in_its_middle(network):
    found = ipaddress.ip_network(network)
    for index in {0, 1 % found.num_addresses, found.num_addresses // 2, found.num_addresses - 1}:
        address = found[index]
        assert not is_public(address), address
        if address.version == 4:
            for name, text in forms(address).items():
                assert not is_public(ipaddress.ip_address(text)), (name, text)


def test_every_network_of_the_table_is_refused():
    for network in map(ipaddress.ip_network, NOT_PUBLIC):
        assert not is_public(network[-1]), network


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address):
    assert is_public(ipaddress.ip_address(address))


def test_a_public_address_is_public_through_nat64_and_in_no_other_form():
    seen = {
        name: is_public(ipaddress.ip_address(text)) for name, text in forms(ipaddress.IPv4Address(PUBLIC[0])).items()
    }
    assert [name for name, public in seen.items() if public] == ["NAT64"]


@pytest.mark.parametrize("name", ["mapped", "6to4", "Teredo", "NAT64"])
def test_the_ipv4_address_in_an_ipv6_address_is_found(name):
    inner = ipaddress.IPv4Address("10.1.2.3")
    assert embedded(ipaddress.ip_address(forms(inner)[name])) == inner
