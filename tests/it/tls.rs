//! Encryption: the command line speaks it, and tokens do not travel without it unless that is allowed.

use std::fs;

use rcgen::{CertificateParams, KeyPair};

use crate::harness::{Site, run};

#[test]
fn the_command_line_trusts_the_roots_it_is_given() {
    let site = Site::new();
    let key = KeyPair::generate().unwrap();
    // Its own root.
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let params = CertificateParams::new(names).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let file = |name: &str, text: &str| {
        let path = site.folder().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = file("cert.pem", &certificate);
    let key = file("key.pem", &key.serialize_pem());
    let server = site
        .clone()
        .arg("--tls-certificate")
        .arg(&certificate)
        .arg("--tls-key")
        .arg(&key)
        .start();
    let trusting = run(
        &mut server.cli(&["database", "create", "plant", "--tls-ca", &certificate]),
        b"",
    );
    assert!(trusting.status.success(), "{trusting:?}");
    let listed = run(
        &mut server.cli(&["database", "list", "--tls-ca", &certificate]),
        b"",
    );
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listed.status.success() && text.contains("plant"),
        "{listed:?}"
    );
    let doubting = run(&mut server.cli(&["ping"]), b"");
    assert!(!doubting.status.success(), "{doubting:?}");
    let said = String::from_utf8_lossy(&doubting.stderr).into_owned();
    assert!(said.contains("certificate"), "{said}");
    let lost = run(&mut server.cli(&["ping", "--tls-ca", &key]), b"");
    let said = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(said.contains("no certificate in PEM form"), "{said}");
}

#[test]
fn tokens_do_not_travel_in_the_clear_unless_that_is_allowed() {
    for flag in ["--http-bind", "--v3-bind"] {
        let said = Site::new().arg(flag).arg("0.0.0.0:0").start_refused();
        assert!(
            said.contains("unencrypted") && said.contains("--allow-insecure"),
            "{said}"
        );
    }
    let server = Site::new()
        .arg("--allow-insecure")
        .arg("--v3-bind")
        .arg("0.0.0.0:0")
        .start();
    assert_eq!(server.client().get("/health").status, 200);
    let said = Site::new()
        .arg("--tls-certificate")
        .arg("a.pem")
        .arg("--tls-key")
        .arg("b.pem")
        .start_refused();
    assert!(said.contains("a.pem"), "{said}");
}
