import pytest

from pipeline.web.addresses import (
    canonical_url,
    host_of,
    is_public,
    is_this_machine,
    join_url,
    netloc_of,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "not an address",
    ],
)
def test_an_address_of_no_public_host_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.215.14",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("shop.localhost.", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.0.1", False),
        ("localhost.example.net", False),
        ("shop.test", False),
    ],
)
def test_this_machine_is_told_by_its_names(host, expected):
    assert is_this_machine(host) is expected


def test_the_host_of_a_url_is_without_port_and_the_netloc_with_it():
    url = "https://me:secret@Shop.Test:8443/a"

    assert host_of(url) == "shop.test"
    assert netloc_of(url) == "shop.test:8443"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/x",
        "/photos/1.jpg",
        "http://[::1",
        "",
        "http://",
        "http://a b/",
        "http://a:b/",
        "http://a.test\\@b.test/",
        "http://a\x01.test/",
    ],
)
def test_what_is_no_web_address_has_no_host(url):
    assert host_of(url) == ""


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("http://a.test/x.jpg?w=1", "http://a.test/x.jpg?w=1"),
        ("HTTP://A.Test", "http://a.test/"),
        ("http://a.test:80/x#part", "http://a.test/x"),
        ("https://a.test:443/x", "https://a.test/x"),
        ("http://a.test:8443/x", "http://a.test:8443/x"),
        ("http://a.test/b/../private/x", "http://a.test/private/x"),
        ("http://a.test/./private/x", "http://a.test/private/x"),
        ("http://a.test/.//private/x", "http://a.test//private/x"),
        ("http://a.test//cdn//x.jpg", "http://a.test//cdn//x.jpg"),
        ("http://a.test/b/%2e%2E/private/x", "http://a.test/private/x"),
        ("http://a.test/%70rivate/x", "http://a.test/private/x"),
        ("http://例え.test/写 真", "http://xn--r8jz45g.test/%E5%86%99%20%E7%9C%9F"),
        ("http://a.test/x?a=%2F+b", "http://a.test/x?a=%2F+b"),
        ("http://a.test/100%-wool%20x?y=5%", "http://a.test/100%25-wool%20x?y=5%25"),
    ],
)
def test_an_address_is_judged_as_it_is_sent(written, sent):
    assert canonical_url(written) == sent
    assert canonical_url(sent) == sent
    assert join_url("http://b.test/page", written) == sent


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test\\@b.test/x",
        "http://[a.test/x.jpg#part",
        "http://a.test:1]#part",
        "http://a.test/b/..%2Fprivate/x",
        "http://a.test/b/%2e%2e%5cprivate/x",
        "http://joe:secret@a.test/x.jpg",
        "http://joe@a.test/x.jpg",
        "ftp://a.test/x",
        "x.jpg",
    ],
)
def test_what_others_could_read_otherwise_is_no_web_address(url):
    assert canonical_url(url) is None
