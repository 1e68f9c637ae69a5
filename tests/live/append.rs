//! `live append` with real servers.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dkv20_exam::{Interrupt, PortSpec, Service};
use rustix::process::Signal;

use crate::program::{
    End, PASSWORD, Running, file, on_terminal, run, run_with_input, to_full_device, wait_until,
};
use crate::scene::{Scene, folder, live_at, puts};

fn append(scene: &Scene, arguments: &[&str], input: &[u8]) -> End {
    run_with_input(&mut scene.live("append", arguments), input)
}

/// Starts the command with an open input.
fn start(scene: &Scene, arguments: &[&str]) -> Running {
    Running::start(scene.live("append", arguments).stdin(Stdio::piped()))
}

fn lines(count: usize) -> Vec<u8> {
    (puts(count).join("\n") + "\n").into_bytes()
}

#[test]
fn lines_of_standard_input_are_appended() {
    let scene = Scene::start();
    append(&scene, &[], b"put a 1\ndel a\nnoop").assert_done("appended 3 lines: entries 1 to 3, ");
    append(&scene, &[], b"put \xc3\xa4 0x\n").assert_done("appended 1 line: entry 4, ");
    append(&scene, &[], b"").assert_done("appended 0 lines\n");
    assert_eq!(scene.entries(), ["put a 1", "del a", "noop", "put \u{e4} 0x"]);
    // A clean end leaves nothing of a random name.
    assert_eq!(scene.writers(), "");
    let end = append(&scene, &[], &lines(5_000));
    end.assert_done("appended 5000 lines: entries 5 to 5004, ");
    assert_eq!(scene.entries().len(), 5_004);
}

#[test]
fn lines_with_an_error_are_named() {
    let scene = Scene::start();
    let long = [b"put a ", &*vec![b'x'; 1_500_000]].concat();
    let count = |count| if count == 0 { "no line is" } else { "line 1 is" };
    for (input, before, reason) in [
        (&b"noop\n\nnoop\n"[..], 1, "line 2: it is empty"),
        (b"\n", 0, "line 1: it is empty"),
        (b"noop\nget 0 a\n", 1, "line 2: an entry is `put KEY VALUE`, `del KEY` or `noop`"),
        (b"hello\nnoop", 0, "line 1: an entry is"),
        (b"noop\nput  0x", 1, "line 2: an entry is"),
        (b"del 0x\n", 0, "line 1: "),
        (&long, 0, "line 1: it has more than 1433300 bytes"),
    ] {
        let entries = scene.entries().len();
        let end = append(&scene, &[], input);
        end.assert_failed(1, &format!("dkv20: {reason}"));
        assert!(end.stderr.contains(&format!("; {} in log a", count(before))), "{}", end.stderr);
        assert_eq!(end.stderr.contains("--resume` goes on"), before > 0, "{}", end.stderr);
        assert_eq!(scene.entries().len(), entries + before);
    }
}

#[test]
fn workload_is_appended_and_resumed() {
    let scene = Scene::start();
    let workload = |count, rest: &[&str]| {
        append(&scene, &[&["--workload", "7", "50", count], rest].concat(), b"")
    };
    workload("300", &["--writer", "w"])
        .assert_done("appended 300 lines: entries 1 to 300, 3 transactions, ");
    workload("400", &["--writer", "w"]).assert_failed(
        3,
        "log a: writer w has appended 300 lines; --resume skips as many of the input",
    );
    let end = workload("1000", &["--writer", "w", "--resume"]);
    end.assert_done("appended 700 lines: entries 301 to 1000, ");
    assert!(end.stdout.ends_with("(after 300 lines of the input)\n"), "{}", end.stdout);
    let end = workload("1000", &["--writer", "w", "--resume"]);
    end.assert_done("appended 0 lines (after 1000 lines of the input)\n");
    workload("10", &["--writer", "w", "--resume"]).assert_failed(
        1,
        "dkv20: the input has 10 lines, fewer than the 1000 that the writer has appended",
    );
    let resumed = scene.entries();
    workload("1000", &[]).assert_done("appended 1000 lines: entries 1001 to 2000, ");
    assert_eq!(scene.entries()[1_000..], resumed);
    workload("0", &[]).assert_done("appended 0 lines\n");
    workload("x", &[]).assert_failed(2, "expected a whole number");
    append(&scene, &["--workload", "1", "0", "1"], b"").assert_failed(2, "KEYS is 0");
    append(&scene, &["--workload", "1", "2"], b"").assert_failed(2, "--workload");
    append(&scene, &["--resume"], b"").assert_failed(2, "--writer");
    append(&scene, &["--writer", "a/b"], b"").assert_failed(2, "a name has 1 to 200 letters");
}

#[test]
fn settings_of_a_log_do_not_change() {
    let scene = Scene::start();
    append(&scene, &["--every", "5"], b"noop").assert_done("appended 1 line: entry 1, ");
    append(&scene, &["--every", "5"], b"noop").assert_done("appended 1 line: entry 2, ");
    append(&scene, &[], b"noop").assert_done("appended 1 line: entry 3, ");
    append(&scene, &["--every", "6"], b"noop").assert_failed(2, "checkpoints every 5 entries");
    append(&scene, &["--every", "0"], b"noop").assert_failed(2, "expected a whole number from 1");
    let counter = file("machines/counter/counter.toml");
    let end = append(&scene, &["--machine", &counter], b"inc");
    end.assert_failed(3, "it is a log of dkv20, not of counter");
    scene.etcdctl(&["put", "a/settings", "{}"]);
    let end = append(&scene, &[], b"noop");
    end.assert_failed(3, "the key a/settings does not hold the settings of a log");
    assert_eq!(scene.entries().len(), 3);
}

/// Each line is appended when it comes, not when there are more of them.
#[test]
fn slow_input_is_appended_line_by_line() {
    let scene = Scene::start();
    let mut running = start(&scene, &[]);
    for count in 1..=5 {
        running.write(b"noop\n").expect("it reads");
        scene.wait_for_entries(count);
    }
    running.close();
    running.end().assert_done("appended 5 lines: entries 1 to 5, 5 transactions, ");
}

#[test]
fn signal_ends_appending_so_that_it_can_go_on() {
    let scene = Scene::start();
    let input = lines(2_000);
    for (name, signal) in [("int", Signal::INT), ("term", Signal::TERM)] {
        let before = scene.entries().len();
        let mut running = start(&scene, &["--writer", name]);
        running.write(&input).expect("it reads");
        scene.wait_for_entries(before + 2_000);
        running.signal(signal);
        let end = running.end();
        end.assert_failed(
            1,
            &format!(
                "dkv20: interrupted; lines 1 to 2000 are in log a; the same input with \
                 `--writer {name} --resume` goes on\n"
            ),
        );
        let rest = append(&scene, &["--writer", name, "--resume"], &lines(2_100));
        rest.assert_done("appended 100 lines: ");
        assert_eq!(scene.entries().len(), before + 2_100);
    }
    // In the middle of a workload that would take hours, under a random name.
    let before = scene.entries().len();
    let workload = ["--workload", "1", "9", "1000000000"];
    let running = start(&scene, &workload);
    scene.wait_for_entries(before + 1_000);
    running.signal(Signal::INT);
    let end = running.end();
    end.assert_failed(1, "dkv20: interrupted; lines 1 to ");
    let count = format!("lines 1 to {} are", scene.entries().len() - before);
    assert!(end.stderr.contains(&count), "{count}: {}", end.stderr);
    assert!(end.stderr.contains("`--writer unnamed-"), "{}", end.stderr);
}

#[test]
fn signal_before_the_first_line_leaves_nothing() {
    let scene = Scene::start();
    let running = start(&scene, &[]);
    wait_until(|| !scene.writers().is_empty(), || "it has no record");
    running.signal(Signal::INT);
    let end = running.end();
    end.assert_failed(1, "dkv20: interrupted; no line is in log a\n");
    assert_eq!(scene.writers(), "");
}

#[test]
fn signal_before_the_log_is_open_ends_appending() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let running = Running::start(&mut live_at(&url, "append", &[]));
    let _connection = listener.accept().expect("a connection, to which nothing answers");
    running.signal(Signal::INT);
    running.end().assert_failed(1, "dkv20: interrupted; nothing was appended to log a\n");
}

#[test]
fn output_that_cannot_be_written_leaves_no_record() {
    let scene = Scene::start();
    let mut command = to_full_device(&scene.live("append", &[]));
    run_with_input(&mut command, b"noop").assert_failed(3, "standard output: cannot be written");
    assert_eq!((scene.entries().len(), &*scene.writers()), (1, ""));
}

#[test]
fn lines_that_are_typed_are_not_drawn_over() {
    let scene = Scene::start();
    let mut running = Running::start(&mut on_terminal(&scene.live("append", &[])));
    running.write(b"noop\n").expect("it reads");
    scene.wait_for_entries(1);
    // The end of input.
    running.write(b"\x04").expect("it reads");
    let end = running.end();
    end.assert_ended(0, &["appended 1 line: entry 1, "]);
    assert!(!end.stdout.contains("append: appended"), "{:?}", end.stdout);
}

#[test]
fn lines_of_a_described_machine_are_appended() {
    let scene = Scene::start();
    let counter = file("machines/counter/counter.toml");
    let append_to_counter = |input: &[u8]| append(&scene, &["--machine", &counter], input);
    append_to_counter(b"add 1\nundo").assert_done("appended 2 lines: entries 1 to 2, ");
    append_to_counter(b"add 2\nnew 7\n").assert_failed(1, "line 2: it is a start line of counter");
    append_to_counter(b"noop\n")
        .assert_failed(1, "line 1: it has the form of no command of counter");
    append(&scene, &[], b"noop").assert_failed(3, "it is a log of counter, not of dkv20");
    assert_eq!(scene.entries(), ["add 1", "undo", "add 2"]);
}

#[test]
fn metrics_are_printed_on_demand() {
    let scene = Scene::start();
    let mut running = start(&scene, &[]);
    running.write(b"noop\nnoop\n").expect("it reads");
    scene.wait_for_entries(2);
    running.signal(Signal::USR1);
    let line = running.stderr.next();
    assert!(line.starts_with("dkv20: append: appended 2, head 2, "), "{line}");
    running.close();
    running.end().assert_ended(0, &[]);
}

#[test]
fn lost_etcd_is_an_error_that_says_how_to_go_on() {
    let mut scene = Scene::start();
    let mut running = start(&scene, &["--writer", "w", "--patience", "0.5"]);
    running.write(b"noop\n").expect("it reads");
    scene.wait_for_entries(1);
    scene.servers.kill(0);
    running.write(b"noop\nnoop\n").expect("it reads");
    let end = running.end();
    end.assert_failed(1, "given up after 0.5 s: ");
    let rest = "; line 1 is in log a, and 2 lines after them may be; the same input with \
                `--writer w --resume` goes on\n";
    assert!(end.stderr.ends_with(rest), "{}", end.stderr);
    let started = Instant::now();
    let endpoint = scene.servers.endpoint(0).to_owned();
    let end = append(&scene, &["--writer", "w", "--resume"], &lines(3));
    end.assert_failed(3, &format!("dkv20: etcd at {endpoint}: does etcd run there? "));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    scene.servers.restart(0).expect("it starts");
    let end = append(&scene, &["--writer", "w", "--resume"], b"noop\nnoop\nnoop\n");
    end.assert_done("appended 2 lines: entries 2 to 3, ");
}

#[test]
fn users_and_passwords_are_checked() {
    let mut scene = Scene::start();
    append(&scene, &[], b"noop").assert_done("appended 1 line");
    for words in [
        "user add root:secret",
        "user grant-role root root",
        "role add reader",
        "role grant-permission --prefix=true reader read a/",
        "user add eve:pass",
        "user grant-role eve reader",
        "auth enable",
    ] {
        scene.etcdctl(&words.split(' ').collect::<Vec<_>>());
    }
    scene.user = Some("root:secret");
    let log_in = |user: &str, password: &str| {
        let mut command = scene.live("append", &["--user", user]);
        run_with_input(command.env(PASSWORD, password), b"noop")
    };
    log_in("root", "secret").assert_done("appended 1 line: entry 2, ");
    log_in("root", "wrong").assert_failed(3, "wrong user or password");
    log_in("mallory", "secret").assert_failed(3, "wrong user or password");
    log_in("eve", "pass").assert_failed(3, "lists what its role needs");
    log_in("root", "").assert_failed(2, "the name or the password is empty");
    append(&scene, &[], b"noop").assert_failed(3, "it asks for a user: name one with --user");
    let end = append(&scene, &["--user", "root"], b"noop");
    end.assert_failed(2, "set DKV20_ETCD_PASSWORD, or name a file with --password-file");
    let file = scene.path().join("password");
    let name = file.to_str().expect("UTF-8");
    let from_file = ["--user", "root", "--password-file", name];
    append(&scene, &from_file, b"noop").assert_failed(2, "cannot be read");
    for password in ["secret", "secret\n", "secret\r\n"] {
        fs::write(&file, password).expect("a file");
        append(&scene, &from_file, b"noop").assert_done("appended 1 line");
    }
    fs::write(&file, "secret\n\n").expect("a file");
    append(&scene, &from_file, b"noop").assert_failed(3, "wrong user or password");
    fs::write(&file, b"\xff").expect("a file");
    append(&scene, &from_file, b"noop").assert_failed(2, "is not UTF-8");
    append(&scene, &from_file[2..], b"noop").assert_failed(2, "--user");
    assert_eq!(scene.entries().len(), 5);
}

/// With tokens of this kind, a change of the users makes those that clients have worthless.
#[test]
fn change_of_users_does_not_end_appending() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (private, public) = (path("private"), path("public"));
    openssl(&["genrsa", "-out", &private, "2048"]);
    openssl(&["rsa", "-in", &private, "-pubout", "-out", &public]);
    let keys = format!("jwt,sign-method=RS256,pub-key={public},priv-key={private}");
    let mut scene = Scene::start_in(folder, &["--auth-token", &keys]);
    for words in ["user add root:secret", "user grant-role root root", "auth enable"] {
        scene.etcdctl(&words.split(' ').collect::<Vec<_>>());
    }
    scene.user = Some("root:secret");
    let mut command = scene.live("append", &["--user", "root"]);
    let mut running = Running::start(command.env(PASSWORD, "secret").stdin(Stdio::piped()));
    running.write(b"noop\n").expect("it reads");
    scene.wait_for_entries(1);
    scene.etcdctl(&["role", "add", "other"]);
    running.write(b"noop\nnoop\n").expect("it reads");
    running.close();
    running.end().assert_done("appended 3 lines");
    assert_eq!(scene.entries().len(), 3);
}

fn openssl(words: &[&str]) {
    run(Command::new("openssl").args(words)).assert_ended(0, &[]);
}

#[test]
fn user_without_users_in_etcd_is_an_error() {
    let scene = Scene::start();
    let mut command = scene.live("append", &["--user", "root"]);
    let end = run_with_input(command.env(PASSWORD, "secret"), b"noop");
    end.assert_failed(3, "it has no users: leave out --user");
}

#[test]
fn options_of_access_are_checked() {
    let folder = folder();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (empty, binary) = (file("empty", ""), file("binary", "\0\x01"));
    let broken = file("broken", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    let certificate = file("pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let missing = folder.path().join("missing");
    let missing = missing.to_str().expect("UTF-8");
    let (http, https) = ("http://127.0.0.1:1", "https://127.0.0.1:1");
    for (url, options, message) in [
        ("127.0.0.1:1", &[][..], "expected a URL such as"),
        ("ftp://127.0.0.1:1", &[], "expected a URL such as"),
        ("", &[], "expected a URL such as"),
        ("http://", &[], "expected a URL such as"),
        ("http://127.0.0.1:1,", &[], "expected a URL such as"),
        ("http://127.0.0.1:1/v3", &[], "a URL of etcd has no path"),
        ("http://root:secret@127.0.0.1:1", &[], "never a password on a command line"),
        (http, &["--cacert", &certificate], "--cacert needs URLs with https, unlike http://127"),
        (http, &["--cert", "c", "--key", "k"], "--cert needs URLs with https, unlike http://127"),
        (
            "https://a,http://b",
            &["--cacert", &certificate],
            "needs URLs with https, unlike http://b",
        ),
        (https, &[], "https://127.0.0.1:1 needs --cacert FILE"),
        ("HTTPS://127.0.0.1:1/", &[], "https://127.0.0.1:1 needs --cacert FILE"),
        (
            "HTTP://A:1",
            &["--cacert", &certificate],
            "--cacert needs URLs with https, unlike http://A:1",
        ),
        (https, &["--cacert", missing], "missing cannot be read: No such file"),
        (https, &["--cacert", &empty], "empty has no certificate in PEM"),
        (https, &["--cacert", &binary], "binary has no certificate in PEM"),
        (https, &["--cacert", &broken], "broken is not PEM"),
        (https, &["--cacert", &certificate, "--cert", &certificate], "--key <FILE>"),
        (https, &["--cacert", &certificate, "--key", &certificate], "--cert <FILE>"),
        (
            https,
            &["--cacert", &certificate, "--cert", &certificate, "--key", &certificate],
            "pem has no private key in PEM",
        ),
        (http, &["--patience", "0"], "expected a number of seconds"),
        (http, &["--user", "root"], "set DKV20_ETCD_PASSWORD"),
    ] {
        run(&mut live_at(url, "append", options)).assert_failed(2, message);
    }
}

/// Starts a server with TLS and waits until the file exists.
fn start_with_tls(folder: &Path, url: &str, options: &[&str], file: &Path) -> Service {
    let peer = format!("http://{}", free_address());
    let (data, log) = (folder.join("data"), folder.join("log"));
    let shell = ["/bin/sh", "-c", r#"exec "$@" >>"$0" 2>&1"#, &*log.to_string_lossy(), "etcd"];
    let cluster = format!("default={peer}");
    let own = [
        ("--data-dir", &*data.to_string_lossy()),
        ("--listen-client-urls", url),
        ("--advertise-client-urls", url),
        ("--listen-peer-urls", &peer),
        ("--initial-advertise-peer-urls", &peer),
        ("--initial-cluster", &cluster),
    ];
    let words = shell.into_iter().chain(own.into_iter().flat_map(|(name, value)| [name, value]));
    let words = words.chain(options.iter().copied()).map(String::from).collect();
    let service = Service::start(&PortSpec::new("etcd", words), Interrupt::default());
    let service = service.expect("a shell");
    let missing = || {
        let log = fs::read_to_string(&log).unwrap_or_default();
        let hint = "`bash scripts/setup.sh live` installs etcd";
        format!("{} is missing: {log}; {hint}", file.display())
    };
    wait_until(|| file.exists(), missing);
    service
}

fn append_with_tls(url: &str, options: &[&str]) -> End {
    run_with_input(&mut live_at(url, "append", options), b"noop")
}

/// Returns an address at which no program listens.
fn free_address() -> String {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    port.local_addr().expect("an address").to_string()
}

#[test]
fn tls_needs_certificates_on_both_sides() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let config = "[req]\nprompt=no\ndistinguished_name=name\nx509_extensions=extensions\n\
                  [name]\nCN=test\n[extensions]\nbasicConstraints=CA:FALSE\n\
                  subjectAltName=IP:127.0.0.1\n";
    fs::write(path("config"), config).expect("a file");
    for name in ["server", "client"] {
        let (certificate, key) = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
        let (config, kind) = (path("config"), ["-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        let files = ["-config", &config, "-keyout", &key, "-out", &certificate];
        openssl(&[&["req", "-x509"], &kind[..], &files].concat());
    }
    let url = format!("https://{}", free_address());
    let (server, client) = (path("server.pem"), path("client.pem"));
    let (server_key, client_key) = (path("server.key"), path("client.key"));
    let options = ["--cert-file", &server, "--key-file", &server_key, "--client-cert-auth"];
    let options = [&options[..], &["--trusted-ca-file", &client]].concat();
    let _service = start_with_tls(folder.path(), &url, &options, &folder.path().join("data"));
    let identity = ["--cert", &client, "--key", &client_key];
    let good = [&["--cacert", &server], &identity[..]].concat();
    append_with_tls(&url, &good).assert_done("appended 1 line: entry 1, ");
    let end = append_with_tls(&url, &[&["--cacert", &client], &identity[..]].concat());
    end.assert_failed(3, "TLS: invalid peer certificate: ");
    let end = append_with_tls(&url, &["--cacert", &server]);
    end.assert_failed(3, "etcd refuses the client's certificate: see --cert and --key");
    let other_key = ["--cacert", &server, "--cert", &client, "--key", &server_key];
    append_with_tls(&url, &other_key).assert_failed(3, "KeyMismatch");
    let started = Instant::now();
    let plain = url.replace("https", "http");
    let end = append_with_tls(&plain, &[]);
    end.assert_failed(3, "if it uses TLS, its URL begins with https://");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn server_without_tls_is_named() {
    let scene = Scene::start();
    let url = scene.servers.endpoint(0).replace("http", "https");
    let certificate = scene.path().join("pem");
    let name = certificate.to_str().expect("UTF-8");
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=a",
        "-keyout",
        "/dev/null",
        "-out",
        name,
    ]);
    let started = Instant::now();
    let end = append_with_tls(&url, &["--cacert", name]);
    end.assert_failed(3, "if it does not use TLS, its URL begins with http://");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn unknown_kind_of_certificate_is_named() {
    let folder = folder();
    let url = format!("https://{}", free_address());
    let own = folder.path().join("data/fixtures/client/cert.pem");
    let _service = start_with_tls(folder.path(), &url, &["--auto-tls"], &own);
    let end = append_with_tls(&url, &["--cacert", own.to_str().expect("UTF-8")]);
    end.assert_failed(3, "TLS: received fatal alert: HandshakeFailure: no kind of TLS in common");
}
