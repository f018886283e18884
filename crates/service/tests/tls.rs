//! A desk that speaks TLS itself.

mod common;

use common::{Running, settings};
use rescind_service::TlsFiles;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn the_desk_speaks_tls_with_its_certificate_and_waits_for_nobody() {
    let place = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (place.path().join("c.pem"), place.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let folder = place.path().join("desk");
    let with = |certificate, key| {
        let mut settings = settings(&folder, Vec::new());
        settings.tls = Some(TlsFiles { certificate, key });
        settings.limits.connections = 8;
        settings.limits.patience = Duration::from_secs(3600);
        settings
    };
    let desk = Running::start(with(certificate.clone(), key.clone()));
    let at = desk
        .at
        .strip_prefix("https://127.0.0.1:")
        .unwrap()
        .to_owned();
    // Callers who never agree on a key, and who speak plain HTTP.
    let mut silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(format!("127.0.0.1:{at}")).unwrap())
        .collect();
    silent[0]
        .write_all(b"GET /healthz HTTP/1.1\r\n\r\n")
        .unwrap();
    let root = ureq::tls::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let trusting = |roots: ureq::tls::RootCerts| -> ureq::Agent {
        let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
        let config = ureq::Agent::config_builder().tls_config(tls);
        config
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into()
    };
    let url = format!("https://localhost:{at}/healthz");
    let agent = trusting(ureq::tls::RootCerts::new_with_certs(&[root]));
    assert_eq!(agent.get(&url).call().unwrap().status(), 200);
    let other = trusting(ureq::tls::RootCerts::WebPki);
    assert!(other.get(&url).call().is_err());
    desk.end();

    let wrong = place.path().join("none.pem");
    std::fs::write(&wrong, "nothing").unwrap();
    let another = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let another_key = place.path().join("k2.pem");
    std::fs::write(&another_key, another.signing_key.serialize_pem()).unwrap();
    for (certificate, key) in [
        (wrong.clone(), key.clone()),
        (certificate.clone(), wrong.clone()),
        (certificate, another_key),
    ] {
        let refused = rescind_service::serve(with(certificate, key))
            .err()
            .unwrap();
        assert_eq!(refused.code(), rescind::Code::Setting, "{refused}");
    }
}
