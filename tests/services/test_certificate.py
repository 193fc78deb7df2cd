"""A self-signed pair serves HTTPS to this machine's own names."""

import ipaddress
import ssl
import stat

import httpx
import pytest
from cryptography import x509

from services.certificate import self_signed
from services.local import LocalSystem


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), ["viscera.example", "10.1.2.3"])


def test_certificate_is_for_this_machine_and_the_further_names(pair):
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "viscera.example"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = names.get_values_for_type(x509.IPAddress)
    assert {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.1.2.3")} <= set(addresses)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days <= 398


def test_only_the_owner_may_read_the_key(pair):
    assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600


def test_gateway_speaks_https_with_it_and_keeps_cookies_to_it(pair, tmp_path):
    with LocalSystem(tmp_path, tls=(pair.certificate, pair.key)) as system:
        system.wait_ready()
        assert system.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(pair.certificate))
        with httpx.Client(base_url=system.url, verify=trusted) as browser:
            answer = browser.get("/")
            assert "secure" in answer.headers["set-cookie"].lower()
            assert browser.get("/v1/jobs").status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(system.url, trust_env=False)
