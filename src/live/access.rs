//! How etcd is reached.

use std::time::Duration;

use dkv20_exam::Interrupt;

/// How often a raised interrupt is looked for.
const INTERRUPT_TIME: Duration = Duration::from_millis(50);

/// The endpoints of etcd, the credentials for them, and the time limits.
#[derive(Clone, Debug)]
pub struct Access {
    /// URLs of members: `http://HOST:PORT` or `https://HOST:PORT`; not empty. One is used at a time,
    /// and the next after a failure.
    pub endpoints: Vec<String>,
    /// Certificates, for endpoints with `https`.
    pub tls: Tls,
    /// The user.
    pub login: Option<Login>,
    /// How long a request may take. A member that takes longer counts as one that failed.
    pub request_timeout: Duration,
    /// How long requests are repeated while no member answers.
    pub patience: Duration,
    /// Ends every wait.
    pub interrupt: Interrupt,
}

impl Access {
    /// The default of [`Access::request_timeout`]. An election takes etcd one to two seconds, during
    /// which requests wait.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
    /// The default of [`Access::patience`].
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// Returns access without TLS and without a user.
    #[must_use]
    pub fn new(endpoints: Vec<String>, interrupt: Interrupt) -> Self {
        Self {
            endpoints,
            tls: Tls::default(),
            login: None,
            request_timeout: Self::REQUEST_TIMEOUT,
            patience: Self::PATIENCE,
            interrupt,
        }
    }
}

/// Certificates, in PEM.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The certificates of the authorities that are trusted.
    pub authorities: Option<Vec<u8>>,
    /// The client's certificate and its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// A user and the password, which is not shown.
#[derive(Clone)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Waits until the interrupt is raised.
pub(crate) async fn raised(interrupt: &Interrupt) {
    while !interrupt.is_raised() {
        tokio::time::sleep(INTERRUPT_TIME).await;
    }
}
