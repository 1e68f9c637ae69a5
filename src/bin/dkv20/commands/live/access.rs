//! The options that name a log and how its etcd is reached.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use dkv20_live::{Access, LogName, Login, Tls};
use http::Uri;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::super::arguments::{interrupt, seconds};
use super::super::files::shown;
use crate::exit::Failure;

/// The environment variable of the password. A command line can be seen by every user of a system.
const PASSWORD_VARIABLE: &str = "DKV20_ETCD_PASSWORD";

#[derive(Args)]
#[command(next_help_heading = "Log")]
pub(super) struct LogArguments {
    /// The URLs of etcd's members, with commas between them. One is used at a time, and the next after
    /// a failure.
    #[arg(long = "etcd", value_name = "URL", value_delimiter = ',', value_parser = endpoint)]
    #[arg(default_value = "http://127.0.0.1:2379")]
    endpoints: Vec<String>,
    /// The log: its keys in etcd begin with this name and a slash.
    #[arg(long, value_name = "NAME")]
    pub(super) log: LogName,
    /// The certificates of the authorities that have signed those of etcd, in PEM; for URLs with
    /// https.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// The client's certificate, in PEM, if etcd asks for one.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key of the client's certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// The user of etcd. The password is in the environment variable `DKV20_ETCD_PASSWORD` or in the
    /// file of --password-file.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A file with the password. An end of line after it does not count.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// How long to go on while no member of etcd answers, in seconds (up to 1000000).
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    patience: Duration,
}

impl LogArguments {
    /// Returns how etcd is reached. Signals interrupt every wait.
    ///
    /// # Errors
    ///
    /// The options do not fit together, or a file cannot be used.
    pub(super) fn access(&self) -> Result<Access, Failure> {
        Ok(Access {
            tls: self.tls()?,
            login: self.login()?,
            patience: self.patience,
            ..Access::new(self.endpoints.clone(), interrupt()?)
        })
    }

    fn tls(&self) -> Result<Tls, Failure> {
        let (secure, plain): (Vec<_>, Vec<_>) =
            self.endpoints.iter().partition(|url| url.starts_with("https://"));
        let given = [("--cacert", &self.cacert), ("--cert", &self.cert)];
        let given = given.iter().find_map(|(name, file)| file.is_some().then_some(name));
        if let (Some(name), Some(url)) = (given, plain.first()) {
            return Err(Failure::usage(format!("{name} needs URLs with https, unlike {url}")));
        }
        if let (None, Some(url)) = (&self.cacert, secure.first()) {
            return Err(Failure::usage(format!(
                "{url} needs --cacert FILE: the certificates of the authorities to be trusted"
            )));
        }
        let authorities = self.cacert.as_deref().map(|file| certificates("--cacert", file));
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((certificates("--cert", cert)?, private_key(key)?)),
            _ => None,
        };
        Ok(Tls { authorities: authorities.transpose()?, identity })
    }

    fn login(&self) -> Result<Option<Login>, Failure> {
        let Some(user) = self.user.clone() else { return Ok(None) };
        let (source, password) = match &self.password_file {
            Some(file) => {
                let text = String::from_utf8(read("--password-file", file)?);
                let text = text.map_err(|_| unusable("--password-file", file, "is not UTF-8"))?;
                let text = text.strip_suffix('\n').map_or(&*text, without_cr).to_owned();
                (shown(file), text)
            }
            None => match env::var(PASSWORD_VARIABLE) {
                Ok(text) => (PASSWORD_VARIABLE.into(), text),
                Err(env::VarError::NotUnicode(_)) => {
                    return Err(Failure::usage(format!("{PASSWORD_VARIABLE} is not UTF-8")));
                }
                Err(env::VarError::NotPresent) => {
                    return Err(Failure::usage(format!(
                        "--user {user} needs a password: set {PASSWORD_VARIABLE}, or name a file \
                         with --password-file"
                    )));
                }
            },
        };
        if user.is_empty() || password.is_empty() {
            return Err(Failure::usage(format!(
                "--user {user}: the name or the password is empty ({source})"
            )));
        }
        Ok(Some(Login { user, password }))
    }
}

fn without_cr(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

/// Parses the URL of a member.
fn endpoint(text: &str) -> Result<String, String> {
    let example = "expected a URL such as http://127.0.0.1:2379 or https://HOST:PORT";
    let url: Uri = text.parse().map_err(|error| format!("{error}: {example}"))?;
    let authority = url.authority().filter(|_| matches!(url.scheme_str(), Some("http" | "https")));
    let Some(authority) = authority.filter(|authority| !authority.host().is_empty()) else {
        return Err(example.into());
    };
    if authority.as_str().contains('@') {
        return Err("a URL with a user: use --user, and never a password on a command line".into());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err(format!("a URL of etcd has no path: {example}"));
    }
    // The scheme in small letters, as it is compared from here on.
    Ok(format!("{}://{authority}", url.scheme_str().unwrap_or_default()))
}

/// Returns the bytes of a file of certificates.
fn certificates(option: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read(option, file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(bytes),
        Ok(_) => Err(unusable(option, file, "has no certificate in PEM")),
        Err(error) => Err(unusable(option, file, &format!("is not PEM: {error}"))),
    }
}

fn private_key(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read("--key", file)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(_) => Ok(bytes),
        Err(rustls_pki_types::pem::Error::NoItemsFound) => {
            Err(unusable("--key", file, "has no private key in PEM"))
        }
        Err(error) => Err(unusable("--key", file, &format!("is not PEM: {error}"))),
    }
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| unusable(option, file, &format!("cannot be read: {error}")))
}

fn unusable(option: &str, file: &Path, reason: &str) -> Failure {
    Failure::usage(format!("{option}: {} {reason}", shown(file)))
}
