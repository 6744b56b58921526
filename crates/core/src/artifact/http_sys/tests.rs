use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;

fn address(address: &str, port: u16) -> Endpoint {
    Endpoint::Address { address: address.to_owned(), port }
}

fn host(host: &str, port: u16) -> Endpoint {
    Endpoint::Host { host: host.to_owned(), port }
}

#[test]
fn addresses_have_one_form() {
    assert_eq!(Endpoint::of_address("0.0.0.0:443"), address("0.0.0.0", 443));
    assert_eq!(Endpoint::of_address("[::]:443"), address("::", 443));
    assert_eq!(Endpoint::of_address("[FE80:0:0:0:0:0:0:1]:8443"), address("fe80::1", 8443));
    for name in
        ["www.example.test:443", "0.0.0.0", "0.0.0.0:x", "0.0.0.0:65536", ":443", "", "10.0.0.1:443:www"]
    {
        assert_eq!(Endpoint::of_address(name), Endpoint::Unknown(name.to_owned()));
    }
}

#[test]
fn host_names_come_in_two_forms() {
    assert_eq!(Endpoint::of_host("WWW.example.test:443"), host("www.example.test", 443));
    assert_eq!(Endpoint::of_host("*.example.test:443"), host("*.example.test", 443));
    assert_eq!(Endpoint::of_host("0.0.0.0:443:www.example.test"), host("www.example.test", 443));
    assert_eq!(Endpoint::of_host("[::]:443:www.example.test"), host("www.example.test", 443));
    for name in ["{6e6b1c55-2f0a-44b0-9a4c-0d3c5d4f6a01}", "0.0.0.0:443", "a b:443", ":443", "443"] {
        assert_eq!(Endpoint::of_host(name), Endpoint::Unknown(name.to_owned()));
    }
}

#[test]
fn the_central_store_serves_ports() {
    for name in ["0.0.0.0:443", "[::]:443", "*:443", ":443", "443"] {
        assert_eq!(Endpoint::of_central(name), Endpoint::Central { port: 443 });
    }
    assert_eq!(Endpoint::of_central(""), Endpoint::Unknown(String::new()));
}

#[test]
fn a_sites_binding_says_where_http_sys_looks() {
    assert_eq!(Endpoint::of_site("*:443:", 0), address("0.0.0.0", 443));
    assert_eq!(Endpoint::of_site(":443:", 0), address("0.0.0.0", 443));
    // Without the flag the host name plays no part.
    assert_eq!(Endpoint::of_site("*:443:www.example.test", 0), address("0.0.0.0", 443));
    assert_eq!(Endpoint::of_site("*:443:www.example.test", 33), host("www.example.test", 443));
    assert_eq!(Endpoint::of_site("10.0.0.1:443:", 1), address("10.0.0.1", 443));
    assert_eq!(Endpoint::of_site("*:443:www.example.test", 3), Endpoint::Central { port: 443 });
    assert_eq!(Endpoint::of_site("[::1]:443:", 0), address("::1", 443));
    assert_eq!(Endpoint::of_site("nonsense", 0), Endpoint::Unknown("nonsense".to_owned()));
}

proptest! {
    #[test]
    fn endpoints_are_read_back(
        v4 in any::<std::net::Ipv4Addr>(),
        v6 in any::<std::net::Ipv6Addr>(),
        port in any::<u16>(),
        name in "[a-z][a-z0-9-]{0,20}\\.test",
    ) {
        prop_assert_eq!(Endpoint::of_address(&format!("{v4}:{port}")), address(&v4.to_string(), port));
        prop_assert_eq!(Endpoint::of_address(&format!("[{v6}]:{port}")), address(&v6.to_string(), port));
        prop_assert_eq!(Endpoint::of_site(&format!("[{v6}]:{port}:"), 0), address(&v6.to_string(), port));
        for text in [format!("{name}:{port}"), format!("{v4}:{port}:{name}"), format!("[{v6}]:{port}:{name}")] {
            prop_assert_eq!(Endpoint::of_host(&text), host(&name, port));
        }
    }
}

#[test]
fn whatever_a_name_is_the_answer_is_bounded() {
    let parts = ["0.0.0.0", "[::1]", "[", "]", ":", "443", "www", "*", "\u{e4}", "\u{202e}", "99999"];
    let mut rng = Rng::new(0x1477);
    for _ in 0..20_000 {
        let name: String = (0..rng.below(8)).map(|_| parts[rng.below(parts.len())]).collect();
        for found in [
            Endpoint::of_address(&name),
            Endpoint::of_host(&name),
            Endpoint::of_central(&name),
            Endpoint::of_site(&name, rng.below(4) as u32),
        ] {
            let len = match found {
                Endpoint::Address { address, .. } => address.len(),
                Endpoint::Host { host, .. } => host.len(),
                Endpoint::Central { .. } => 0,
                Endpoint::Unknown(text) => text.len(),
            };
            assert!(len <= 2 * name.len() + 45, "{name}");
        }
    }
    let long = "x".repeat(100_000);
    assert!(matches!(Endpoint::of_host(&long), Endpoint::Unknown(text) if text.len() == LONGEST));
}
