//! A connection to one member of etcd at a time.
//!
//! A client that balances over all members waits for one that is paused. With one member at a time a
//! request that takes too long moves on to the next.

use std::error::Error as _;
use std::time::{Duration, Instant};

use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, TlsOptions};
use tracing::debug;

use dkv20_exam::Interrupt;

use crate::access::{Access, raised};
use crate::error::LiveError;

/// The pause after a failure; it doubles from failure to failure.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long the first request is repeated while every member refuses the connection, or speaks
/// another protocol: a member that is starting takes about a second.
const FIRST_PATIENCE: Duration = Duration::from_secs(3);
/// The code of gRPC for an invalid argument.
const INVALID_ARGUMENT: i32 = 3;

/// etcd, through the member that answered last.
pub struct Connection {
    access: Access,
    /// The position of the member in use, or to be used next.
    position: usize,
    /// The position of the member that was asked last.
    asked: usize,
    /// The client is a large value.
    client: Option<Box<Client>>,
    /// Whether a member has answered.
    has_answered: bool,
    /// How many connections in a row were refused, or were not to etcd as the URL has it.
    refusals: usize,
}

/// Why a request has no answer, or one that refuses it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The member could not be reached, or could not answer now. Whether the request was carried out
    /// is not known.
    Passing(String),
    /// The revision has been compacted.
    Compacted,
    /// The answer is longer than a message may be.
    TooLong,
    /// etcd refuses the request, and would again.
    Refused(String),
    /// The interrupt was raised.
    Interrupted,
}

impl Connection {
    /// Returns a connection. The first request opens it.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access, position: 0, asked: 0, client: None, has_answered: false, refusals: 0 }
    }

    /// Returns how etcd is reached.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Returns the member that was asked last.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.access.endpoints[self.asked]
    }

    /// Makes requests go on in spite of the interrupt, for a last one that is repeated for at most
    /// this time.
    pub(crate) fn shield(&mut self, patience: Duration) {
        self.access.interrupt = Interrupt::default();
        self.access.patience = self.access.patience.min(patience);
    }

    /// Returns an error that etcd caused.
    pub(crate) fn error(&self, reason: impl Into<String>) -> LiveError {
        LiveError::Etcd { endpoint: self.endpoint().into(), reason: reason.into() }
    }

    /// Closes the connection. The next request goes to the next member.
    pub(crate) fn move_on(&mut self) {
        self.client = None;
        self.position = (self.position + 1) % self.access.endpoints.len();
    }

    /// Makes a request once. After a passing trouble the next one goes to another member.
    pub(crate) async fn once<T>(
        &mut self,
        request: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Trouble> {
        let (timeout, interrupt) = (self.access.request_timeout, self.access.interrupt.clone());
        self.asked = self.position;
        // A request of the client is a large future.
        let answered = Box::pin(async {
            let client = match &mut self.client {
                Some(client) => client,
                None => self.client.insert(Box::new(connect(&self.access, self.position).await?)),
            };
            request(client).await
        });
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(timeout, answered) => outcome,
            () = raised(&interrupt) => return Err(Trouble::Interrupted),
        };
        let trouble = match outcome {
            Ok(Ok(answer)) => {
                self.has_answered = true;
                return Ok(answer);
            }
            Ok(Err(error)) => trouble(&error),
            Err(_) => Trouble::Passing(format!("no answer within {} s", timeout.as_secs_f64())),
        };
        if let Trouble::Passing(reason) = &trouble {
            debug!(endpoint = self.endpoint(), reason, "a request failed");
            let is_refusal = question(self.endpoint(), reason).is_some();
            self.refusals = if is_refusal { self.refusals + 1 } else { 0 };
            self.move_on();
        }
        Err(trouble)
    }

    /// Makes a request, which may be carried out more than once, until a member answers it.
    ///
    /// # Errors
    ///
    /// Never [`Trouble::Passing`]: when patience ends, that is [`Trouble::Refused`]. It ends early if
    /// no member has answered yet and all refuse the connection.
    pub(crate) async fn repeat<T>(
        &mut self,
        mut request: impl AsyncFnMut(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Trouble> {
        let mut patience = self.patience();
        loop {
            let reason = match self.once(async |client| request(client).await).await {
                Err(Trouble::Passing(reason)) => reason,
                other => return other,
            };
            let endpoints = &self.access.endpoints;
            let is_alone = !self.has_answered && self.refusals >= endpoints.len();
            if is_alone && patience.started.elapsed() >= FIRST_PATIENCE {
                let others = match endpoints.len() {
                    1 => String::new(),
                    _ => format!(" (all of {})", endpoints.join(", ")),
                };
                let (question, hint) = question(self.endpoint(), &reason).unwrap_or_default();
                let text = format!("{question}{others}? {reason}{hint}");
                return Err(Trouble::Refused(text));
            }
            patience.pause(&reason).await?;
        }
    }

    /// Returns the time that is left for a request, which begins now.
    pub(crate) fn patience(&self) -> Patience {
        Patience { started: Instant::now(), limit: self.access.patience, pause: PAUSE_MIN }
    }

    /// Returns a trouble as an error.
    pub(crate) fn failed(&self, trouble: Trouble) -> LiveError {
        match trouble {
            Trouble::Passing(reason) | Trouble::Refused(reason) => self.error(reason),
            Trouble::Compacted => self.error("the revision has been compacted"),
            Trouble::TooLong => self.error("the answer is longer than a message may be"),
            Trouble::Interrupted => LiveError::Interrupted,
        }
    }
}

/// The time for a request that is repeated.
pub(crate) struct Patience {
    started: Instant,
    limit: Duration,
    pause: Duration,
}

impl Patience {
    /// Waits before the request is repeated.
    ///
    /// # Errors
    ///
    /// The time has passed: [`Trouble::Refused`] with the reason of the last failure.
    pub(crate) async fn pause(&mut self, reason: &str) -> Result<(), Trouble> {
        if self.started.elapsed() >= self.limit {
            let seconds = self.limit.as_secs_f64();
            return Err(Trouble::Refused(format!("given up after {seconds} s: {reason}")));
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(())
    }
}

async fn connect(access: &Access, position: usize) -> Result<Client, Error> {
    let endpoint = &access.endpoints[position];
    let mut options = ConnectOptions::new()
        .with_connect_timeout(access.request_timeout)
        .with_auto_token_refresh(true)
        .with_require_leader(true);
    if endpoint.starts_with("https://") {
        let mut tls = TlsOptions::new();
        if let Some(authorities) = &access.tls.authorities {
            tls = tls.ca_certificate(Certificate::from_pem(authorities));
        }
        if let Some((certificate, key)) = &access.tls.identity {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        options = options.with_tls(tls);
    }
    if let Some(login) = &access.login {
        options = options.with_user(&login.user, &login.password);
    }
    Client::connect([endpoint], Some(options)).await
}

/// Classifies an error.
pub(crate) fn trouble(error: &Error) -> Trouble {
    let Error::GRpcStatus(status) = error else {
        return match error {
            Error::InvalidArgs(_) | Error::InvalidUri(_) => Trouble::Refused(error.to_string()),
            // Certificates or keys that cannot be used. A request that fails has a status.
            Error::TransportError(_) => {
                let reason = with_sources(error);
                Trouble::Refused(format!("TLS: {reason}: see --cacert, --cert and --key"))
            }
            _ => Trouble::Passing(with_sources(error)),
        };
    };
    let message = status.message();
    if message.contains("required revision has been compacted") {
        return Trouble::Compacted;
    }
    if message.contains("message length too large") {
        return Trouble::TooLong;
    }
    let refusals = [
        ("invalid user ID or password", "wrong user or password"),
        ("user name is empty", "it asks for a user: name one with --user"),
        ("user name not found", "wrong user or password"),
        (
            "permission denied",
            "the user may not do this: docs/live.md, Access, lists what its role needs",
        ),
        ("authentication is not enabled", "it has no users: leave out --user"),
        ("request is too large", "the request is too large: see its --max-request-bytes"),
        (
            "too many operations in txn",
            "it takes too few operations at once: its --max-txn-ops has to be 128",
        ),
        ("database space exceeded", "its space is used up: compact, defragment, disarm the alarm"),
    ];
    if let Some((_, reason)) = refusals.iter().find(|(known, _)| message.contains(known)) {
        return Trouble::Refused(format!("{reason} ({message})"));
    }
    let reason = with_sources(error);
    // A certificate does not become right by another try.
    let hints = [
        ("invalid peer certificate", "see --cacert"),
        (
            "HandshakeFailure",
            "no kind of TLS in common; P-521, as of etcd's --auto-tls, is unknown here",
        ),
        ("received fatal alert", "etcd refuses the client's certificate: see --cert and --key"),
    ];
    if let Some((_, hint)) = hints.iter().find(|(sign, _)| reason.contains(sign)) {
        return Trouble::Refused(format!("TLS: {reason}: {hint}"));
    }
    // After a change of users or roles. A new connection gets a new token.
    let is_token_old = message.contains("revision of auth store is old");
    match status.code() as i32 {
        INVALID_ARGUMENT if !is_token_old => Trouble::Refused(message.into()),
        _ => Trouble::Passing(reason),
    }
}

/// Returns the question, and a hint, for a failure that says that nothing listens at the address of
/// the endpoint, that there is no such host, or that something else than etcd answers there.
fn question(endpoint: &str, reason: &str) -> Option<(&'static str, &'static str)> {
    const ABSENT: [&str; 2] = ["Connection refused", "failed to lookup address"];
    // The first is that of TLS, the others are those of HTTP/2.
    const OTHER: [&str; 4] = ["tls handshake eof", "broken pipe", "onnection reset", "http2 error"];
    let has = |signs: &[&str]| signs.iter().any(|sign| reason.contains(sign));
    if has(&ABSENT) {
        return Some(("does etcd run there", ""));
    }
    let hint = if endpoint.starts_with("https://") {
        "; if it does not use TLS, its URL begins with http://"
    } else {
        "; if it uses TLS, its URL begins with https://"
    };
    has(&OTHER).then_some(("is it etcd that runs there", hint))
}

/// Returns an error with its sources, each once.
fn with_sources(error: &Error) -> String {
    let (text, mut source) = match error {
        // Its text repeats the sources in Rust's notation.
        Error::GRpcStatus(status) => (status.message().to_owned(), status.source()),
        Error::TransportError(error) => (error.to_string(), error.source()),
        _ => (error.to_string(), None),
    };
    let mut texts = vec![text];
    while let Some(error) = source {
        let own = error.to_string();
        if !texts.iter().any(|text| text.contains(&own)) {
            texts.push(own);
        }
        source = error.source();
    }
    if texts.len() > 1 {
        texts.retain(|text| text != "transport error");
    }
    texts.join(": ")
}
