//! The settings of a log, which all of its writers, followers and auditors share.

use etcd_client::{Compare, CompareOp, Txn, TxnOp};
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::error::LiveError;
use crate::keys::LogName;

/// The settings of a log. The first program that uses it writes them, and they never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name of the machine whose lines they are.
    pub machine: String,
    /// The lines that a program gets before the first entry.
    pub start: Vec<String>,
    /// The lines whose answers a checkpoint holds. They change nothing.
    pub observers: Vec<String>,
    /// Whether a checkpoint has a digest of the answers to the entries. It has if two answers of the
    /// machine are the same only if their bytes are.
    pub has_digests: bool,
    /// The number of entries from one checkpoint to the next; not 0.
    pub every: u64,
}

impl Settings {
    /// Returns the settings of the log, or `None` if it has none yet.
    ///
    /// # Errors
    ///
    /// etcd cannot be used, or the settings are not those of a log.
    pub async fn read(
        connection: &mut Connection,
        log: &LogName,
    ) -> Result<Option<Self>, LiveError> {
        let read = connection.repeat(async |client| client.get(log.settings(), None).await).await;
        let answer = read.map_err(|trouble| connection.failed(trouble))?;
        answer.kvs().first().map(|pair| Self::parse(log, pair.value())).transpose()
    }

    /// Returns the settings of the log. If it has none yet, these become its settings.
    ///
    /// # Errors
    ///
    /// As [`Settings::read`].
    ///
    /// # Panics
    ///
    /// Never: text and numbers are JSON.
    pub async fn read_or_write(
        self,
        connection: &mut Connection,
        log: &LogName,
    ) -> Result<Self, LiveError> {
        // A user that may only read finds the settings of others.
        if let Some(settings) = Self::read(connection, log).await? {
            return Ok(settings);
        }
        let key = log.settings();
        let text = serde_json::to_vec(&self).expect("text and numbers are JSON");
        let txn = Txn::new()
            .when([Compare::version(key.clone(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(key, text, None)]);
        let written = connection.repeat(async |client| client.txn(txn.clone()).await).await;
        written.map_err(|trouble| connection.failed(trouble))?;
        // Another process may have been first.
        let settings = Self::read(connection, log).await?;
        settings.ok_or_else(|| LiveError::Log {
            log: log.to_string(),
            reason: "its settings were deleted".into(),
        })
    }

    fn parse(log: &LogName, value: &[u8]) -> Result<Self, LiveError> {
        let settings: Result<Self, _> = serde_json::from_slice(value);
        let reason = match settings {
            Ok(settings) if settings.every > 0 => return Ok(settings),
            Ok(_) => "`every` is 0".into(),
            Err(error) => error.to_string(),
        };
        let key = log.settings();
        Err(LiveError::Log {
            log: log.to_string(),
            reason: format!("the key {key} does not hold the settings of a log: {reason}"),
        })
    }
}
