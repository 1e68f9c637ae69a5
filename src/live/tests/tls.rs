//! Servers with TLS, and users: each way to be refused has a message that says what to do.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use dkv20_exam::{Interrupt, PortSpec, Service};
use dkv20_live::{Access, Connection, LogName, Settings, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Returns a certificate and its key, in PEM.
fn certified(issuer: &Issuer) -> (Vec<u8>, Vec<u8>) {
    let params = CertificateParams::new(vec!["127.0.0.1".into()]).expect("parameters");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
}

/// A server that serves clients over TLS and asks for their certificates.
struct Secure {
    url: String,
    _service: Service,
    _folder: TempDir,
}

impl Secure {
    fn start(authority: &Issuer) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ports = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"));
        let ports = ports.map(|port| port.local_addr().expect("an address").port());
        let url = format!("https://127.0.0.1:{}", ports[0]);
        let peer = format!("http://127.0.0.1:{}", ports[1]);
        let (certificate, key) = certified(authority);
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("a file");
            path.to_string_lossy().into_owned()
        };
        let data = folder.path().join("data");
        let words = [
            ("etcd", ""),
            ("--data-dir", &*data.to_string_lossy()),
            ("--listen-client-urls", &url),
            ("--advertise-client-urls", &url),
            ("--listen-peer-urls", &peer),
            ("--initial-advertise-peer-urls", &peer),
            ("--initial-cluster", &format!("default={peer}")),
            ("--cert-file", &file("server.crt", &certificate)),
            ("--key-file", &file("server.key", &key)),
            ("--trusted-ca-file", &file("ca.crt", authority.pem().as_bytes())),
            ("--client-cert-auth", ""),
        ];
        let words = words.iter().flat_map(|(name, value)| [*name, value]);
        let words = words.filter(|word| !word.is_empty()).map(String::from);
        let log = folder.path().join("log");
        let shell = ["/bin/sh", "-c", r#"exec "$@" >>"$0" 2>&1"#, &*log.to_string_lossy()];
        let command = shell.into_iter().map(String::from).chain(words).collect();
        let service = Service::start(&PortSpec::new("etcd", command), Interrupt::default());
        let service = service.expect("etcd starts: `bash scripts/setup.sh live` installs it");
        Self { url, _service: service, _folder: folder }
    }

    /// Reads a log's settings, of which there are none.
    async fn read(&self, tls: Tls) -> Result<(), String> {
        let endpoints = vec![self.url.clone()];
        let access = Access {
            tls,
            patience: Duration::from_secs(20),
            ..Access::new(endpoints, Interrupt::default())
        };
        let log: LogName = "log".parse().expect("a name");
        let read = Settings::read(&mut Connection::new(access), &log).await;
        read.map(|settings| assert_eq!(settings, None)).map_err(|error| error.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_on_both_sides() {
    let (own, other) = (authority("own"), authority("other"));
    let server = Secure::start(&own);
    let authorities = Some(own.pem().into_bytes());
    let identity = Some(certified(&own));
    let good = Tls { authorities, identity };
    // It may be starting.
    server.read(good.clone()).await.expect("both certificates are good");
    let (certificate, _) = certified(&own);
    let (_, key) = certified(&own);
    let unlike = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (name, tls, reason) in [
        (
            "an unknown authority",
            Tls { authorities: Some(other.pem().into_bytes()), ..good.clone() },
            "invalid peer certificate: UnknownIssuer: see --cacert",
        ),
        (
            "no client certificate",
            Tls { identity: None, ..good.clone() },
            "refuses the client's certificate: see --cert and --key",
        ),
        (
            "a client certificate of an unknown authority",
            Tls { identity: Some(certified(&other)), ..good.clone() },
            "refuses the client's certificate: see --cert and --key",
        ),
        (
            "the key of another certificate",
            Tls { identity: Some((certificate, key)), ..good.clone() },
            "KeyMismatch: see --cacert, --cert and --key",
        ),
        (
            "an authority that is no certificate",
            Tls { authorities: Some(unlike.to_vec()), ..good.clone() },
            "UnknownIssuer",
        ),
    ] {
        let started = Instant::now();
        let error = server.read(tls).await.expect_err(name);
        let begins = format!("etcd at {}: TLS: ", server.url);
        assert!(error.starts_with(&begins) && error.contains(reason), "{name}: {error}");
        assert!(started.elapsed() < Duration::from_secs(10), "{name}: it is not tried again");
    }
    server.read(good).await.expect("both certificates are good");
}
